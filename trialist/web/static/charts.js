// Draws every figure of a page from its data: found in the page, or fetched from where `data-src` says.
// A chart is a function (data, width) => option of ECharts, kept by name in trialist.charts. Colours are the page's CSS
// variables, written into the SVG as they are: dark mode and print change them without a redrawing.
"use strict";
(() => {
  const charts = {}; // by the `chart` of the data: {option(data, width), ready?(figure, instance, data)}
  const instances = new Map(); // figure -> {instance, data}

  const color = (name) => `var(--${name})`;
  const family = getComputedStyle(document.body || document.documentElement).fontFamily; // by which labels are measured
  const text = { color: color("soft"), fontSize: 12, fontFamily: family };
  const rule = { lineStyle: { color: color("rule") } };

  // Parts that options are made of.
  const escape = (value) =>
    String(value).replace(
      /[&<>"']/g,
      (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c],
    );
  const short = (value) => {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-3)
      return value
        .toExponential(2)
        .replace(/\.?0+e/, "e")
        .replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  };
  const clock = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 1) return seconds === 0 ? "0" : `${short(seconds * 1000)} ms`;
    if (size < 60) return `${short(Math.round(seconds * 10) / 10)} s`;
    if (size < 3600) return `${short(Math.round(seconds / 6) / 10)} min`;
    return `${short(Math.round(seconds / 360) / 10)} h`;
  };
  const clipped = (value, most) => {
    const told = String(value);
    return told.length <= most ? told : told.slice(0, most - 1) + "…";
  };

  function axis(given) {
    return {
      axisLabel: { ...text, hideOverlap: true, ...given.axisLabel },
      axisLine: { show: true, onZero: false, ...rule },
      axisTick: { show: false },
      splitLine: { show: given.grid !== false, lineStyle: { color: color("rule"), opacity: 0.6 } },
      minorSplitLine: { show: false },
      nameTextStyle: text,
      nameLocation: "middle",
      nameGap: 28,
      ...given,
      ...(given.axisLabel && { axisLabel: { ...text, hideOverlap: true, ...given.axisLabel } }),
    };
  }

  // An axis of values; log where the data say so. {low, high, log} as the panels give it.
  function valueAxis(range, given = {}) {
    return axis({
      type: range.log ? "log" : "value",
      ...(range.low !== null && range.low !== undefined && { min: range.low, max: range.high }),
      axisLabel: range.ticks?.length
        ? { formatter: short, customValues: range.ticks }
        : { formatter: short, showMinLabel: false, showMaxLabel: false },
      ...(range.ticks?.length && { axisTick: { show: false, customValues: range.ticks } }),
      ...given,
    });
  }

  // What lies beyond the end of an axis is drawn at its end.
  const held = (range, value) =>
    value === null || range.low === null || range.low === undefined
      ? value
      : Math.min(Math.max(value, range.low), range.high);

  function tooltip(formatter) {
    return {
      confine: true,
      backgroundColor: color("card"),
      borderColor: color("rule"),
      textStyle: { color: color("ink"), fontSize: 13, fontFamily: family },
      extraCssText: "max-width:26rem;white-space:normal;overflow-wrap:anywhere",
      formatter,
    };
  }

  // Marks of trials: a shape beside each colour.
  const MARKS = {
    default: { symbol: "rect", size: 9, style: { color: color("base") } },
    baseline: { symbol: "rect", size: 9, style: { color: color("base") } },
    search: { symbol: "circle", size: 7, style: { color: color("search") } },
    refine: { symbol: "diamond", size: 10, style: { color: color("refine") } },
    again: { symbol: "circle", size: 8, style: { color: color("card"), borderColor: color("again"), borderWidth: 2 } },
    sweep: {
      symbol: "roundRect",
      size: 8,
      style: { color: color("card"), borderColor: color("base"), borderWidth: 2 },
    },
    stopped: {
      symbol: "triangle",
      size: 9,
      style: { color: color("card"), borderColor: color("soft"), borderWidth: 1.5 },
    },
    faint: { symbol: "circle", size: 5, style: { color: color("soft"), opacity: 0.6 } },
    paused: {
      symbol: "triangle",
      size: 9,
      style: { color: color("card"), borderColor: color("soft"), borderWidth: 1.5 },
    },
    running: {
      symbol: "circle",
      size: 7,
      style: { color: color("card"), borderColor: color("search"), borderWidth: 1.5 },
    },
    failed: {
      symbol: "path://M0 0L10 10M10 0L0 10",
      size: 8,
      style: { color: "none", borderColor: color("bad"), borderWidth: 2 },
    },
  };
  const mark = (kind) => {
    const found = MARKS[kind] || MARKS.search;
    return { symbol: found.symbol, symbolSize: found.size, itemStyle: found.style };
  };
  const quiet = { animation: false, silent: true, tooltip: { show: false } };

  // Drawing.
  function draw(figure, data) {
    const place = figure.querySelector(".canvas");
    const chart = charts[data.chart];
    const before = instances.get(figure);
    if (before && before.place !== place) {
      before.instance.dispose();
      instances.delete(figure);
    }
    if (!place || !chart) return;
    if (chart.height) place.style.height = `${chart.height(data, place.clientWidth || 720)}px`;
    let instance = instances.get(figure)?.instance;
    if (!instance) instance = echarts.init(place, null, { renderer: "svg" });
    instances.set(figure, { instance, data, place });
    instance.resize();
    const option = chart.option(data, place.clientWidth || 720, figure);
    instance.setOption({ animation: false, textStyle: text, aria: { enabled: false }, ...option }, { notMerge: true });
    if (!before || before.place !== place) chart.ready?.(figure, instance, data);
    chart.drawn?.(figure, instance, data);
    figure.dataset.drawn = "yes";
  }

  async function show(figure) {
    if (figure.dataset.src) return fetched(figure);
    const embedded = figure.querySelector(':scope > script[type="application/json"]');
    if (embedded) draw(figure, JSON.parse(embedded.textContent));
  }

  // From the server: the inside as HTML, the data of the chart. What is open stays open, what has the focus keeps it.
  async function fetched(figure) {
    let answer;
    try {
      const response = await fetch(figure.dataset.src, { headers: { Accept: "application/json" } });
      if (response.status === 204) return void (figure.hidden = true);
      if (response.status === 202) return void setTimeout(() => fetched(figure), 1000); // still being computed
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
      answer = await response.json();
    } catch (problem) {
      if (!figure.dataset.drawn)
        figure.innerHTML = `<p class="note waiting">Could not be read: ${escape(problem.message)}</p>`;
      return;
    }
    figure.hidden = false;
    const fresh = document.createElement("template");
    fresh.innerHTML = answer.html;
    const kept = figure.querySelector(".canvas"),
      place = fresh.content.querySelector(".canvas");
    const numbers = figure.querySelector(":scope > details"),
      newer = fresh.content.querySelector("details");
    const hadFocus = numbers?.contains(document.activeElement);
    if (numbers && newer) newer.open = numbers.open;
    if (kept && place) {
      // The drawn chart and what is chosen by stay where they are: a list that is open must not close.
      kept.setAttribute("aria-label", place.getAttribute("aria-label"));
      kept.style.height = place.style.height;
      figure.querySelector(":scope > figcaption").replaceWith(fresh.content.querySelector("figcaption"));
      if (numbers) numbers.remove();
      if (newer) figure.append(newer);
    } else figure.replaceChildren(...fresh.content.childNodes);
    if (hadFocus) newer?.querySelector("summary").focus({ preventScroll: true });
    draw(figure, answer.data);
  }

  // A figure is drawn when it comes near the window; all are for the printer.
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          near.unobserve(entry.target);
          show(entry.target);
        }
    },
    { rootMargin: "600px" },
  );
  const figures = (root) => root.querySelectorAll("figure.panel");
  const drawAll = () =>
    Promise.all(
      [...figures(document)].map((figure) => (near.unobserve(figure), figure.dataset.drawn ? null : show(figure))),
    );

  function watch(root = document) {
    for (const figure of figures(root)) if (!figure.dataset.drawn) near.observe(figure);
  }

  // Again, with new data: those that were drawn already; others when they are come to.
  function redraw(root = document) {
    const all = root.matches?.("figure.panel") ? [root] : [...figures(root)];
    return Promise.all(
      all.map((figure) => (figure.dataset.drawn || figure.hidden ? show(figure) : near.observe(figure))),
    );
  }

  function fit() {
    for (const [figure, { data, place, instance }] of instances) {
      if (!figure.isConnected) {
        instance.dispose();
        instances.delete(figure);
      } else if (place.clientWidth && Math.abs(place.clientWidth - instance.getWidth()) > 1) draw(figure, data);
    }
  }
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(fit, 120);
  });
  addEventListener("toggle", fit, true); // what was drawn while it was hidden
  // On paper all figures stand, as wide as the paper.
  addEventListener("beforeprint", () => {
    for (const figure of figures(document)) if (!figure.dataset.drawn) show(figure);
    fit();
  });
  matchMedia("print").addEventListener("change", fit);
  addEventListener("afterprint", fit);

  globalThis.trialist = {
    charts,
    axis,
    valueAxis,
    held,
    tooltip,
    mark,
    quiet,
    color,
    text,
    escape,
    short,
    clock,
    clipped,
    draw,
    drawAll,
    redraw,
    watch,
    instances,
  };
  addEventListener("DOMContentLoaded", () => watch());
})();
