// One dial at a time: what the model expects along it, and what a sweep measured.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clipped, unit } = trialist;

  // A small picture for each dial, all on the same axis of values.
  const many = (count, width) => Math.max(1, Math.min(3, count, Math.floor(width / 290)));
  const small = 210;
  const cell = (k, count, width) => {
    const columns = many(count, width),
      wide = width / columns;
    return {
      left: (k % columns) * wide + 58,
      width: wide - 76,
      top: Math.floor(k / columns) * small + 26,
      height: small - 84,
      first: k % columns === 0,
    };
  };
  charts.slices = {
    height: (data, width) => Math.ceil(data.dials.length / many(data.dials.length, width)) * small + 6,
    option(data, width) {
      const grid = [],
        xAxis = [],
        yAxis = [],
        series = [],
        count = data.dials.length;
      data.dials.forEach((dial, k) => {
        const { first, ...box } = cell(k, count, width),
          at = { xAxisIndex: k, yAxisIndex: k, animation: false },
          range = data.axis;
        grid.push(box);
        xAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            ...unit(dial.axis, { most: 9 }),
            name: clipped(dial.axis.dial, Math.floor(box.width / 7)),
            nameGap: 26,
            nameTextStyle: { ...text, color: color("ink"), fontWeight: 600 },
            grid: false,
          }),
        );
        yAxis.push(
          valueAxis(range, {
            gridIndex: k,
            ...(k === 0 && {
              name: `${clipped(data.metric, 26)} (${data.better} is better)`,
              nameLocation: "end",
              nameGap: 10,
              nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -50] },
            }),
          }),
        );
        series.push({
          ...at,
          type: "scatter",
          ...mark("faint"),
          cursor: "default",
          data: dial.points.map(([x, v, n]) => ({ value: [x, held(range, v)], n, v })),
        });
        if (dial.axis.category) {
          series.push({
            ...at,
            ...quiet,
            type: "custom",
            encode: { x: 0, y: [1, 2] },
            z: 3,
            data: dial.x.map((x, i) => [x, held(range, dial.low[i]), held(range, dial.high[i])]),
            renderItem: trialist.whisker(1, 2),
          });
          series.push({
            ...at,
            type: "scatter",
            symbol: "circle",
            symbolSize: 10,
            z: 4,
            itemStyle: { color: color("search") },
            data: dial.x.map((x, i) => ({ value: [x, held(range, dial.y[i])], v: dial.y[i] })),
          });
        } else {
          series.push(band(at, dial, range));
          series.push({
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            z: 4,
            lineStyle: { color: color("search"), width: 2 },
            data: dial.x.map((x, i) => [x, dial.y[i]]),
          });
        }
        if (dial.best !== null)
          series.push({
            ...at,
            ...quiet,
            type: "scatter",
            data: [],
            markLine: {
              precision: 12, // two digits otherwise, which moves a line
              silent: true,
              symbol: "none",
              label: { show: false },
              lineStyle: { color: color("best"), type: [2, 3], width: 1.5 },
              data: [{ xAxis: dial.best }],
            },
          });
      });
      return {
        grid,
        xAxis,
        yAxis,
        series,
        tooltip: tooltip(({ data: point }) =>
          point.n === undefined ? `expected ${short(point.v)}` : `<b>trial ${point.n}</b><br>${short(point.v)}`,
        ),
      };
    },
  };
  function band(at, line, range) {
    const points = line.x
      .map((x, i) => [x, line.low[i], line.high[i]])
      .filter(([, low, high]) => low !== null && high !== null)
      .map(([x, low, high]) => [x, held(range, low), held(range, high)]);
    return {
      ...at,
      ...quiet,
      type: "custom",
      z: 2,
      clip: true,
      encode: { x: 0, y: [1, 2] },
      data: points.length ? [points[0]] : [],
      renderItem: (params, api) => ({
        type: "polygon",
        shape: {
          points: [
            ...points.map(([x, low]) => api.coord([x, low])),
            ...points.map(([x, , high]) => api.coord([x, high])).reverse(),
          ],
        },
        style: { fill: color("search"), opacity: 0.18 },
      }),
    };
  }

  // Sweeps: levels of one dial with their intervals, the incumbent's as a line.
  charts.sweep = {
    height: (data, width) => Math.ceil(data.sweeps.length / columns(data, width)) * 300 + 6,
    option(data, width) {
      const grid = [],
        xAxis = [],
        yAxis = [],
        series = [],
        title = [],
        side = columns(data, width),
        wide = width / side;
      data.sweeps.forEach((sweep, k) => {
        const left = (k % side) * wide,
          top = Math.floor(k / side) * 300,
          range = sweep.axis || {},
          at = { xAxisIndex: k, yAxisIndex: k, animation: false };
        title.push({
          text: `${clipped(sweep.dial, 30)}: ${sweep.verdict}`,
          left: left + 12,
          top,
          textStyle: { ...text, fontSize: 13, fontWeight: 600, color: color("ink") },
        });
        grid.push({ left: left + 64, width: wide - 84, top: top + 48, height: 196 });
        const levels = sweep.levels,
          given = { ticks: levels.map((level) => [level.at, level.label]) };
        xAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            ...unit(given, { most: 12 }),
            min: -0.05,
            max: 1.05,
            name: clipped(sweep.dial, 40),
            grid: false,
          }),
        );
        yAxis.push(
          valueAxis(range, {
            gridIndex: k,
            name: `${clipped(sweep.metric, 26)} (${sweep.better} is better)`,
            nameLocation: "end",
            nameGap: 8,
            nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
          }),
        );
        const told = levels.filter((level) => level.response),
          worst = sweep.better === "lower" ? range.high : range.low;
        series.push({
          ...at,
          ...quiet,
          type: "scatter",
          ...mark("faint"),
          data: levels.flatMap((level) => level.values.map((v) => [level.at, held(range, v)])),
        });
        series.push({
          ...at,
          ...quiet,
          type: "custom",
          z: 4,
          encode: { x: 0, y: [1, 2] },
          data: told.map((level) => [level.at, held(range, level.response[1]), held(range, level.response[2])]),
          renderItem: bars,
        });
        if (!sweep.category)
          series.push({
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            z: 3,
            lineStyle: { color: color("search"), width: 1.5 },
            data: told.map((level) => [level.at, held(range, level.response[0])]),
          });
        const put = (chosen, look) =>
          series.push({
            ...at,
            type: "scatter",
            z: 5,
            cursor: "default",
            ...look,
            data: chosen.map((level) => ({
              value: [level.at, level.response ? held(range, level.response[0]) : worst],
              level,
            })),
          });
        put(
          told.filter((level) => !level.default),
          { symbol: "circle", symbolSize: 9, itemStyle: { color: color("search") } },
        );
        put(
          told.filter((level) => level.default),
          mark("default"),
        );
        put(
          levels.filter((level) => level.fails),
          { ...mark("failed"), symbolSize: 10 },
        );
        const incumbent = told.find((level) => level.incumbent);
        if (incumbent)
          series.push({
            ...at,
            ...quiet,
            type: "scatter",
            data: [],
            markLine: {
              precision: 12, // two digits otherwise, which moves a line
              silent: true,
              symbol: "none",
              lineStyle: { color: color("base"), type: [7, 4], width: 1.5 },
              label: { show: false },
              data: [{ yAxis: held(range, incumbent.response[0]) }],
            },
          });
      });
      return {
        title,
        grid,
        xAxis,
        yAxis,
        series,
        tooltip: tooltip(
          ({ data: { level } }) =>
            `<b>${escape(level.label)}</b>${level.incumbent ? " · incumbent" : ""}${level.default ? " · default" : ""}<br>${level.fails ? "most runs failed" : `${short(level.response[0])} (${short(level.response[1])} to ${short(level.response[2])})`}`,
        ),
      };
    },
  };
  const columns = (data, width) => Math.max(1, Math.min(data.sweeps.length, Math.floor(width / 420)));
  const bars = (params, api) => {
    const a = api.coord([api.value(0), api.value(1)]),
      b = api.coord([api.value(0), api.value(2)]),
      style = { stroke: color("search"), lineWidth: 1.8 };
    const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style });
    return {
      type: "group",
      children: [
        line(a[0], a[1], b[0], b[1]),
        line(a[0] - 4, a[1], a[0] + 4, a[1]),
        line(b[0] - 4, b[1], b[0] + 4, b[1]),
      ],
    };
  };
})();
