// The course of a study: every trial by number, and learning curves.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clipped } = trialist;

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
              precision: 12, // two digits otherwise, which moves a line
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
          precision: 12, // two digits otherwise, which moves a line
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
})();
