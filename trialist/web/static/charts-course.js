// The course of a study: every trial by number, learning curves, who ran what when, what was spent, the front.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clock, clipped } = trialist;

  const trialTip = (trial) => {
    const noise = trial.noise ? ` ± ${short(trial.noise)}` : "";
    const lines = [`<b>trial ${trial.n}</b> · ${escape(trial.told || trial.kind)}`];
    if (trial.v !== undefined) lines.push(`${short(trial.v)}${noise}`);
    if (trial.why) lines.push(escape(trial.why));
    return lines.join("<br>");
  };

  // A bar from value - noise to value + noise behind each mark.
  const whisker = (from, to) => (params, api) => {
    const low = api.coord([api.value(0), api.value(from)]),
      high = api.coord([api.value(0), api.value(to)]);
    return {
      type: "line",
      shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] },
      style: { stroke: color("soft"), lineWidth: 1, opacity: 0.7 },
    };
  };
  trialist.whisker = whisker;

  charts.history = {
    option(data, width) {
      const height = 260,
        gap = 62;
      const grid = [],
        xAxis = [],
        yAxis = [],
        series = [];
      data.objectives.forEach((objective, k) => {
        const range = objective.axis,
          top = 34 + k * (height + gap);
        grid.push({ left: 64, right: 18, top, height });
        xAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            min: -0.5,
            max: data.last + 0.5,
            minInterval: 1,
            name: "trial",
            grid: false,
            axisLabel: {
              formatter: (v) => (Number.isInteger(v) ? String(v) : ""),
              showMinLabel: false,
              showMaxLabel: false,
            },
          }),
        );
        yAxis.push(
          valueAxis(range, {
            gridIndex: k,
            name: `${clipped(objective.name, Math.min(60, Math.floor((width - 150) / 7)))} (${objective.better} is better)`,
            nameLocation: "end",
            nameGap: 14,
            nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
          }),
        );
        const at = { xAxisIndex: k, yAxisIndex: k, animation: false };
        // Stages as bands behind all.
        series.push({
          ...at,
          ...quiet,
          type: "scatter",
          data: [],
          markArea: {
            silent: true,
            data: data.bands.map((band) => [
              {
                xAxis: band.from - 0.5,
                itemStyle: { color: `var(--band-${band.stage}, transparent)` },
                label: {
                  show: ((band.to - band.from + 1) / (data.last + 1)) * (width - 82) > 60,
                  formatter: band.stage,
                  position: "insideTopLeft",
                  ...text,
                },
              },
              { xAxis: band.to + 0.5 },
            ]),
          },
          ...(objective.default !== null && {
            markLine: {
              silent: true,
              symbol: "none",
              data: [{ yAxis: held(range, objective.default) }],
              lineStyle: { color: color("base"), type: [7, 4], width: 1.5 },
              label: {
                formatter: "default",
                position: "insideEndTop",
                color: color("base"),
                fontSize: 12,
                textBorderColor: color("card"),
                textBorderWidth: 3,
              },
            },
          }),
        });
        // The best so far: a step at each improvement, with the noise of its score.
        const best = objective.best.map((step) => [step[0], held(range, step[1])]);
        if (best.length) best.push([data.last + 0.5, best[best.length - 1][1]]);
        if (objective.best.some((step) => step[2] !== null)) {
          const band = objective.best.map((step, i) => [
            step[0],
            objective.best[i + 1]?.[0] ?? data.last + 0.5,
            held(range, step[2] ?? step[1]),
            held(range, step[3] ?? step[1]),
          ]);
          series.push({
            ...at,
            ...quiet,
            type: "custom",
            data: band,
            encode: { x: [0, 1], y: [2, 3] },
            z: 1,
            clip: true,
            renderItem: (params, api) => {
              const a = api.coord([api.value(0), api.value(3)]),
                b = api.coord([api.value(1), api.value(2)]);
              return {
                type: "rect",
                shape: { x: a[0], y: Math.min(a[1], b[1]), width: b[0] - a[0], height: Math.abs(b[1] - a[1]) },
                style: { fill: color("best"), opacity: 0.12 },
              };
            },
          });
        }
        series.push({
          ...at,
          ...quiet,
          type: "line",
          step: "end",
          data: best,
          symbol: "none",
          lineStyle: { color: color("best"), width: 2 },
          z: 3,
        });
        const noisy = objective.points
          .filter((point) => point.noise)
          .map((point) => [point.n, held(range, point.v - point.noise), held(range, point.v + point.noise)]);
        if (noisy.length)
          series.push({
            ...at,
            ...quiet,
            type: "custom",
            data: noisy,
            renderItem: whisker(1, 2),
            encode: { x: 0, y: [1, 2] },
            clip: true,
            z: 2,
          });
        const kinds = [...new Set(objective.points.map((point) => point.kind))];
        for (const kind of kinds)
          series.push({
            ...at,
            type: "scatter",
            z: 4,
            ...mark(kind),
            cursor: "default",
            emphasis: { scale: 1.3 },
            data: objective.points
              .filter((point) => point.kind === kind)
              .map((point) => {
                const inside = held(range, point.v);
                return { value: [point.n, inside], trial: point, ...(inside !== point.v && mark("stopped")) };
              }),
          });
        const badEnd = range.low === null ? 0 : objective.better === "lower" ? range.high : range.low;
        if (data.failed.length)
          series.push({
            ...at,
            type: "scatter",
            ...mark("failed"),
            z: 4,
            symbolOffset: [0, objective.better === "lower" ? 7 : -7],
            data: data.failed.map((trial) => ({ value: [trial.n, badEnd], trial })),
          });
      });
      return { grid, xAxis, yAxis, series, tooltip: tooltip((params) => trialTip(params.data.trial)) };
    },
  };

  // Learning curves: where a trial ended early a mark, with its reason.
  const CURVES = {
    best: { color: color("best"), width: 3, opacity: 1 },
    default: { color: color("base"), width: 2, opacity: 1, type: [7, 4] },
    complete: { color: color("search"), width: 1.3, opacity: 0.75 },
    stopped: { color: color("refine"), width: 1, opacity: 0.65, type: [5, 3] },
    paused: { color: color("soft"), width: 1, opacity: 0.6 },
    failed: { color: color("bad"), width: 1, opacity: 0.7, type: [2, 3] },
    running: { color: color("search"), width: 2, opacity: 0.9, type: [8, 3] },
  };
  charts.curves = {
    option(data) {
      const range = data.axis;
      const last = Math.max(...data.curves.map((curve) => curve.x[curve.x.length - 1]));
      const first = Math.min(...data.curves.map((curve) => curve.x[0]));
      const ladder = first > 0 && last / first >= 20 && data.rungs.length > 1; // rungs by a factor: steps by their logarithm
      const order = ["paused", "failed", "stopped", "complete", "running", "default", "best"];
      const curves = [...data.curves].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
      const series = curves.map((curve) => ({
        type: "line",
        animation: false,
        name: String(curve.n),
        symbol: curve.x.length === 1 ? "circle" : "none",
        symbolSize: 5,
        lineStyle: CURVES[curve.kind] || CURVES.complete,
        itemStyle: { color: (CURVES[curve.kind] || CURVES.complete).color },
        triggerLineEvent: true,
        clip: true,
        emphasis: { lineStyle: { width: 3.5, opacity: 1 } },
        data: curve.x.map((x, i) => ({
          value: [x, range.log && curve.y[i] <= 0 ? null : curve.y[i]],
          curve,
          y: curve.y[i],
        })),
        curve,
      }));
      const ends = (kind, name) => {
        const found = curves.filter((curve) => (curve.told || curve.kind) === kind);
        return {
          type: "scatter",
          animation: false,
          ...mark(name),
          z: 5,
          cursor: "default",
          data: found.map((curve) => ({
            value: [curve.x[curve.x.length - 1], held(range, curve.y[curve.y.length - 1])],
            curve,
            y: curve.y[curve.y.length - 1],
          })),
        };
      };
      const rungs = {
        ...quiet,
        type: "scatter",
        data: [],
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { color: color("soft"), type: [1, 3], width: 1 },
          label: { show: false },
          data: data.rungs.filter((rung) => rung <= last).map((rung) => ({ xAxis: rung })),
        },
      };
      return {
        grid: { left: 64, right: 18, top: 34, bottom: 48 },
        xAxis: axis({
          type: ladder ? "log" : "value",
          min: ladder ? first : undefined,
          max: last > first ? last : first + 1,
          name: data.unit,
          grid: false,
          axisLabel: { formatter: short, ...(ladder && { customValues: data.rungs }) },
        }),
        yAxis: valueAxis(range, {
          name: `${clipped(data.metric, 40)} (${data.better} is better)`,
          nameLocation: "end",
          nameGap: 14,
          nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
        }),
        series: [rungs, ...series, ends("stopped", "stopped"), ends("failed", "failed")],
        tooltip: tooltip((params) => {
          const point = params.data || {},
            curve = point.curve || data.curves.find((each) => String(each.n) === params.seriesName);
          if (!curve) return "";
          const at = point.value ? `<br>${short(point.y)} at ${short(point.value[0])}` : "";
          return `<b>trial ${curve.n}</b> · ${escape([curve.kind, curve.told].filter(Boolean).join(", "))}${at}${curve.why ? `<br>${escape(curve.why)}` : ""}`;
        }),
      };
    },
  };

  // The timeline: a lane for each worker.
  const BARS = {
    complete: { fill: color("search") },
    running: { fill: color("card"), stroke: color("search"), lineWidth: 2, lineDash: [4, 2] },
    stopped: { fill: color("refine") },
    paused: { fill: color("soft") },
    failed: { fill: color("bad") },
  };
  charts.timeline = {
    option(data) {
      const lanes = Array.from({ length: data.lanes }, (_, k) => `lane ${k + 1}`);
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
        grid: { left: 64, right: 18, top: 14, bottom: 46 },
        xAxis: axis({
          type: "value",
          min: data.from,
          max: data.to,
          name: "working time",
          axisLabel: { formatter: clock, showMaxLabel: false },
        }),
        yAxis: axis({ type: "category", data: lanes, inverse: true, grid: false }),
        series: [
          {
            ...quiet,
            type: "custom",
            encode: { x: [1, 2], y: 0 },
            data: data.idle,
            renderItem: bar({ fill: color("soft"), opacity: 0.22 }, 0.7),
            markLine: {
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
            `<b>trial ${each.n}</b> · ${escape(each.stage)}, ${escape(each.state)}<br>${clock(each.a)} to ${clock(each.b)} (${clock(each.b - each.a)})${each.v === null ? "" : `<br>${short(each.v)}`}${each.why ? `<br>${escape(each.why)}` : ""}`,
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
