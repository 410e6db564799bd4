// How a study ran: who ran what when, and objectives against each other.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clock, clipped } = trialist;

  // The timeline: a lane for each worker.
  const BARS = {
    complete: { fill: color("search") },
    running: { fill: color("card"), stroke: color("search"), lineWidth: 2, lineDash: [4, 2] },
    stopped: { fill: color("refine") },
    paused: { fill: color("soft") },
    failed: { fill: color("bad") },
  };
  charts.timeline = {
    option(data, width) {
      const most = width < 520 ? 12 : 28; // characters of a lane's name
      const room = Math.max(5, ...data.lanes.map((name) => Math.min(name.length, most)));
      const bar = (style, share, tint) => (params, api) => {
        const lane = api.value(0),
          a = api.coord([api.value(1), lane]),
          b = api.coord([api.value(2), lane]);
        const tall = Math.max(3, Math.min(22, api.size([0, 1])[1] * share)),
          wide = Math.max(b[0] - a[0], 1);
        const shape = { x: a[0], y: a[1] - tall / 2, width: wide, height: tall };
        const found = tint ? tint(params.dataIndex) : style;
        // Failures are thinner, stopped ones have a corner less: the colour is not the only sign.
        const gap = wide > 4 && !tint ? 0 : wide > 4 ? 0.5 : 0;
        const children = [
          { type: "rect", shape: { ...shape, x: shape.x + gap, width: shape.width - 2 * gap }, style: found },
        ];
        const state = tint && data.bars[params.dataIndex].state;
        if (wide > 7 && state === "failed")
          children.push({
            type: "line",
            shape: { x1: shape.x + 2, y1: shape.y + 2, x2: shape.x + Math.min(wide - 2, tall), y2: shape.y + tall - 2 },
            style: { stroke: color("card"), lineWidth: 2 },
          });
        if (wide > 7 && state === "stopped")
          children.push({
            type: "line",
            shape: { x1: shape.x + wide - 2.5, y1: shape.y, x2: shape.x + wide - 2.5, y2: shape.y + tall },
            style: { stroke: color("ink"), lineWidth: 2 },
          });
        return { type: "group", children };
      };
      return {
        grid: { left: 16 + 7 * room, right: 18, top: 14, bottom: 46 },
        xAxis: axis({
          type: "value",
          min: data.from,
          max: data.to,
          name: "working time",
          axisLabel: { formatter: clock, showMaxLabel: false },
        }),
        yAxis: axis({
          type: "category",
          data: data.lanes.map((_, k) => k),
          inverse: true,
          grid: false,
          axisLabel: { formatter: (k) => clipped(data.lanes[k], most) },
        }),
        series: [
          {
            ...quiet,
            type: "custom",
            encode: { x: [1, 2], y: 0 },
            data: data.idle,
            renderItem: bar({ fill: color("soft"), opacity: 0.22 }, 0.7),
            markLine: {
              precision: 12, // two digits otherwise, which moves a line
              silent: true,
              symbol: "none",
              lineStyle: { color: color("ink"), type: [2, 2] },
              label: { show: false },
              data: data.breaks.map(([at]) => ({ xAxis: at })),
            },
          },
          {
            type: "custom",
            animation: false,
            encode: { x: [1, 2], y: 0 },
            data: data.bars.map((each) => ({ value: [each.lane, each.a, each.b], each })),
            renderItem: bar(null, 0.7, (i) => BARS[data.bars[i].state] || BARS.complete),
          },
        ],
        tooltip: tooltip(
          ({ data: { each } }) =>
            `<b>trial ${each.n}</b>${each.run ? `, run ${each.run}` : ""} · ${escape(each.stage)}, ${escape(each.state)}${each.who ? `<br>by ${escape(each.who)}` : ""}<br>${clock(each.a)} to ${clock(each.b)} (${clock(each.b - each.a)})${each.v === null ? "" : `<br>${short(each.v)}`}${each.why ? `<br>${escape(each.why)}` : ""}`,
        ),
      };
    },
  };

  // Objectives against each other.
  const FRONT = { front: "again", other: "faint", infeasible: "stopped" };
  charts.front = {
    height: (data, width) => Math.ceil(data.pairs.length / columns(data, width)) * 330 + 20,
    option(data, width) {
      const many = columns(data, width),
        wide = (width - 10) / many;
      const grid = [],
        xAxis = [],
        yAxis = [],
        series = [];
      data.pairs.forEach(([i, j], k) => {
        const left = (k % many) * wide,
          top = Math.floor(k / many) * 330;
        grid.push({ left: left + 64, width: wide - 84, top: top + 34, height: 236 });
        xAxis.push(
          valueAxis(data.axes[i], {
            gridIndex: k,
            name: `${clipped(data.metrics[i], 30)} (${data.better[i]} is better)`,
          }),
        );
        yAxis.push(
          valueAxis(data.axes[j], {
            gridIndex: k,
            name: `${clipped(data.metrics[j], 30)} (${data.better[j]} is better)`,
            nameLocation: "end",
            nameGap: 14,
            nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
          }),
        );
        const at = { xAxisIndex: k, yAxisIndex: k, animation: false };
        const put = (point) => ({ value: [held(data.axes[i], point.v[i]), held(data.axes[j], point.v[j])], point });
        if (data.metrics.length === 2) {
          const front = data.points.filter((point) => point.kind === "front").sort((a, b) => a.v[i] - b.v[i]);
          series.push({
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            step:
              data.better[j] === "lower"
                ? data.better[i] === "lower"
                  ? "end"
                  : "start"
                : data.better[i] === "lower"
                  ? "end"
                  : "start",
            data: front.map((point) => put(point).value),
            lineStyle: { color: color("again"), width: 1.5 },
          });
        }
        for (const kind of ["infeasible", "other", "front"])
          series.push({
            ...at,
            type: "scatter",
            ...mark(FRONT[kind]),
            z: kind === "front" ? 4 : 3,
            cursor: "default",
            data: data.points.filter((point) => point.kind === kind).map(put),
          });
        const special = data.points.filter((point) => point.n === data.default);
        series.push({ ...at, type: "scatter", ...mark("default"), z: 5, data: special.map(put) });
        const named = data.points.filter((point) => point.n === data.knee || point.n === data.chosen);
        series.push({
          ...at,
          type: "scatter",
          symbol: "circle",
          symbolSize: 14,
          itemStyle: { color: "none", borderColor: color("ink"), borderWidth: 1.5 },
          z: 6,
          data: named.map((point) => ({
            ...put(point),
            label: {
              show: true,
              formatter: point.n === data.chosen ? "chosen" : "knee",
              position: "top",
              ...text,
              color: color("ink"),
              textBorderColor: color("card"),
              textBorderWidth: 3,
            },
          })),
        });
      });
      return {
        grid,
        xAxis,
        yAxis,
        series,
        tooltip: tooltip(
          ({ data: { point } }) =>
            `<b>trial ${point.n}</b> · ${point.kind === "front" ? "on the front" : point.kind === "infeasible" ? "violates a constraint" : "beaten by another"}<br>${data.metrics.map((name, k) => `${escape(name)} ${short(point.v[k])}`).join("<br>")}`,
        ),
      };
    },
  };
  const columns = (data, width) => Math.max(1, Math.min(data.pairs.length, Math.floor(width / 360)));
})();
