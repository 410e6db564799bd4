// All configurations: a line for each over one axis for each dial; ranges of the axes, by mouse or by keyboard, choose.
"use strict";
(() => {
  const { charts, tooltip, color, text, escape, clipped, unit, halo } = trialist;

  // Parallel coordinates. A narrow page has them from top to bottom.
  // Where hundreds of lines cross, each is fainter: so many of one colour would hide where most of them go.
  const lineOf = (row, strong, others) => {
    const first = row.kind === "default";
    if (row.kind === "best") return { color: color("best"), width: 3, opacity: 1 };
    if (first) return { color: color("base"), width: 2.5, opacity: 1, type: [7, 4] };
    if (row.kind === "failed") return { color: color("bad"), width: 1, opacity: 0.55, type: [2, 3] };
    return row.strong
      ? { color: color("search"), width: strong > 60 ? 1 : 1.8, opacity: Math.max(0.14, Math.min(0.85, 34 / strong)) }
      : { color: color("soft"), width: 1, opacity: Math.max(0.1, Math.min(0.28, 56 / others)) };
  };

  // A dial that is not active has no place on its axis, nor has a score that is not there: such lines go through a lane
  // of their own, apart from all axes. By mouse it is chosen as a range is.
  const NONE = -0.16;
  const LANE = [-0.21, -0.11]; // its edges
  const hasLane = (data) => data.rows.some((row) => row.at.includes(null));

  const isTall = (data, width) => width < 90 * data.axes.length;
  charts.parallel = {
    height: (data, width) => (isTall(data, width) ? 62 * data.axes.length + 40 : 380),
    option(data, width) {
      const tall = isTall(data, width);
      const rows = [...data.rows].sort((a, b) => rank(a) - rank(b));
      const strong = rows.filter((row) => row.strong).length,
        others = rows.length - strong;
      const min = hasLane(data) ? LANE[0] : 0;
      const edges = { left: tall ? 24 : min ? 84 : 60, right: tall ? 40 : 78, top: tall ? 26 : 34, bottom: tall ? 30 : 18 };
      const size = { width, height: charts.parallel.height(data, width) };
      return {
        graphic: min ? lane(data, tall, edges, size) : [],
        parallel: {
          ...edges,
          layout: tall ? "vertical" : "horizontal",
          axisExpandable: false,
        },
        parallelAxis: data.axes.map((given, k) => ({
          dim: k,
          type: "value",
          ...unit(given, { min, most: tall ? 8 : 11, halo }),
          name: clipped(given.dial, tall ? 40 : Math.max(8, Math.floor(width / data.axes.length / 7))),
          nameLocation: tall ? "middle" : "end",
          nameGap: tall ? -18 : 14,
          nameTextStyle: { ...text, color: color("ink"), fontWeight: 600, ...halo },
          axisLine: { show: !min, lineStyle: { color: color("soft") } },
          areaSelectStyle: {
            width: 18,
            borderWidth: 1,
            borderColor: color("search"),
            color: color("search"),
            opacity: 0.25,
          },
        })),
        series: [
          {
            type: "parallel",
            smooth: false,
            animation: false,
            activeOpacity: 0.9,
            inactiveOpacity: 0.04,
            emphasis: { lineStyle: { width: 4, opacity: 1 } },
            data: rows.map((row) => ({
              value: row.at.map((place) => (place === null ? NONE : place)),
              row,
              lineStyle: lineOf(row, strong, others),
            })),
          },
        ],
        tooltip: tooltip((params) =>
          params.data?.row
            ? `<b>trial ${params.data.row.n}</b>${params.data.row.kind ? ` · ${escape(params.data.row.kind)}` : ""}<br>${escape(data.metric)} ${escape(params.data.row.told || "–")}`
            : "",
        ),
      };
    },
    ready(figure, instance) {
      instance.on("axisareaselected", () => chosen(figure, instance));
    },
    drawn(figure, instance, data) {
      rangesOf(figure, instance, data);
      const asked = figure.ranges || [];
      asked.forEach((interval, k) => interval && select(instance, k, [interval]));
    },
  };

  // The lane as a strip across all axes, and the axes themselves, which end before it.
  function lane(data, tall, { left, right, top, bottom }, { width, height }) {
    const long = tall ? width - left - right : height - top - bottom; // along an axis
    const wide = tall ? height - top - bottom : width - left - right; // across them
    const along = (place) => {
      const share = (place - LANE[0]) / (1 - LANE[0]);
      return tall ? left + share * long : top + (1 - share) * long;
    };
    const across = (k) => (tall ? top : left) + (data.axes.length > 1 ? (k * wide) / (data.axes.length - 1) : wide / 2);
    const from = Math.min(...LANE.map(along)),
      thick = Math.abs(along(LANE[1]) - along(LANE[0]));
    const still = { silent: true, z: -1 };
    const strip = tall
      ? { x: from, y: top - 8, width: thick, height: wide + 16 }
      : { x: left - 8, y: from, width: wide + 16, height: thick };
    const words = data.rows.some((row) => row.at.some((at, k) => at === null && !data.axes[k].objective))
      ? "not active"
      : "no score";
    const label = tall
      ? { x: 2, y: height - bottom + 12, text: words, align: "left", verticalAlign: "top" }
      : { x: left - 12, y: from + thick / 2, text: words, align: "right", verticalAlign: "middle" };
    const ends = (k) => {
      const [a, b] = [along(0), along(1)];
      return tall ? { x1: a, x2: b, y1: across(k), y2: across(k) } : { x1: across(k), x2: across(k), y1: a, y2: b };
    };
    return [
      { ...still, type: "rect", shape: { ...strip, r: 4 }, style: { fill: color("rule"), opacity: 0.55 } },
      { ...still, type: "text", style: { ...label, fill: color("soft"), fontSize: 12, fontFamily: text.fontFamily } },
      ...data.axes.map((_, k) => ({ ...still, type: "line", shape: ends(k), style: { stroke: color("soft") } })),
    ];
  }

  const rank = (row) => (row.kind === "best" ? 3 : row.kind === "default" ? 2 : row.strong ? 1 : 0);

  function select(instance, k, intervals) {
    const id = instance.getModel().getComponent("parallelAxis", k).id;
    instance.dispatchAction({ type: "axisAreaSelect", parallelAxisId: id, intervals });
  }

  // The trials within every range: told in words, listed, and shown alone in the page's table of trials.
  function chosen(figure, instance) {
    const { data } = trialist.instances.get(figure);
    const model = instance.getModel();
    const intervals = data.axes.map((_, k) =>
      (model.getComponent("parallelAxis", k).activeIntervals || []).map((ends) => [...ends].sort((a, b) => a - b)),
    );
    const isChosen = intervals.some((found) => found.length);
    const holds = (row) =>
      intervals.every(
        (found, k) =>
          !found.length ||
          found.some(([low, high]) => {
            const place = row.at[k] === null ? NONE : row.at[k];
            return place >= low - 1e-9 && place <= high + 1e-9;
          }),
      );
    const rows = isChosen ? data.rows.filter(holds) : [];
    const told = figure.querySelector(".chosen-told"),
      list = figure.querySelector(".chosen-list");
    if (told)
      told.textContent = isChosen
        ? `${rows.length} of ${data.rows.length} configurations are within the ranges${rows.length > 10 ? "; the ten best" : ""}${rows.length ? ":" : "."}`
        : "No range is chosen: all configurations are shown.";
    if (list) {
      const scored = rows
        .filter((row) => row.v !== undefined && row.v !== null)
        .sort((a, b) => (data.lower ? a.v - b.v : b.v - a.v));
      list.replaceChildren(
        ...scored
          .slice(0, 10)
          .map((row) => Object.assign(document.createElement("li"), { textContent: `trial ${row.n}: ${row.told}` })),
      );
    }
    figure.querySelector(".clear")?.toggleAttribute("disabled", !isChosen);
    figure.dispatchEvent(
      new CustomEvent("trialist:chosen", {
        bubbles: true,
        detail: { numbers: isChosen ? rows.map((row) => row.n) : null, of: data.rows.length },
      }),
    );
  }

  // The same ranges by keyboard: two sliders' worth of choices for each axis.
  function rangesOf(figure, instance, data) {
    const place = figure.querySelector(".controls");
    const key = JSON.stringify(data.axes.map((given) => [given.dial, given.ticks]));
    if (!place || place.dataset.key === key) return;
    place.dataset.key = key; // other dials need other fields
    place.replaceChildren();
    figure.ranges = [];
    const make = (tag, props = {}, ...children) => {
      const node = Object.assign(document.createElement(tag), props);
      node.append(...children);
      return node;
    };
    const ask = (k, interval) => {
      figure.ranges = figure.ranges || [];
      figure.ranges[k] = interval;
      select(instance, k, interval ? [interval] : []);
    };
    const none = (k) =>
      data.rows.some((row) => row.at[k] === null)
        ? [[NONE, data.axes[k].objective ? "no score" : "not active"]]
        : [];
    const fields = data.axes.map((given, k) => {
      const legend = make("legend", {}, clipped(given.dial, 60));
      if (given.category) {
        const options = [
          ["", "any"],
          ...given.ticks,
          ...none(k),
        ];
        const choice = make(
          "select",
          { ariaLabel: `${given.dial} is` },
          ...options.map(([value, label]) => make("option", { value: String(value) }, label)),
        );
        choice.addEventListener("change", () =>
          ask(k, choice.value === "" ? null : [Number(choice.value) - 0.01, Number(choice.value) + 0.01]),
        );
        return make("fieldset", {}, legend, choice);
      }
      const ends = [
        ["from", 0],
        ["to", given.ticks.length - 1],
      ].map(([word, index]) => {
        const choice = make(
          "select",
          { ariaLabel: `${given.dial} ${word}` },
          make("option", { value: "" }, word === "from" ? "lowest" : "highest"),
          ...given.ticks.map(([value, label]) => make("option", { value: String(value) }, label)),
          ...(word === "from" ? none(k) : []).map(([value, label]) => make("option", { value: String(value) }, label)),
        );
        return choice;
      });
      const read = () => {
        const [low, high] = ends.map((choice) => choice.value);
        if (low === String(NONE)) return ask(k, LANE);
        ask(k, low === "" && high === "" ? null : [low === "" ? 0 : Number(low), high === "" ? 1 : Number(high)]);
      };
      ends.forEach((choice) => choice.addEventListener("change", read));
      return make("fieldset", {}, legend, ends[0], " to ", ends[1]);
    });
    const clear = make("button", { type: "button", className: "clear", disabled: true }, "Clear the ranges");
    clear.addEventListener("click", () => {
      place.querySelectorAll("select").forEach((choice) => (choice.value = ""));
      figure.ranges = [];
      data.axes.forEach((_, k) => select(instance, k, []));
    });
    const told = make("p", { className: "chosen-told" }, "No range is chosen: all configurations are shown.");
    told.setAttribute("role", "status");
    place.append(
      told,
      make("ol", { className: "chosen-list" }),
      make(
        "details",
        {},
        make("summary", {}, "Choose ranges by keyboard"),
        make("div", { className: "ranges" }, ...fields),
      ),
      clear,
    );
  }
})();
