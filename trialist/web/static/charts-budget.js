// What a study costs and when it ends: what is spent of each limit, and the rules that stop it.
"use strict";
(() => {
  const { charts, axis, tooltip, quiet, color, text, escape, short, clock, clipped } = trialist;

  // The budget: a picture for each limit, what is spent by working time, and where it is going.
  const many = (data, width) => Math.max(1, Math.min(data.purses.length, Math.floor(width / 330)));
  charts.burndown = {
    height: (data, width) => Math.ceil(data.purses.length / many(data, width)) * 230 + 6,
    option(data, width) {
      const grid = [],
        xAxis = [],
        yAxis = [],
        series = [],
        side = many(data, width),
        wide = width / side;
      const end = Math.max(data.seconds, data.finish || 0, 1e-3);
      data.purses.forEach((purse, k) => {
        const told = purse.time ? clock : short,
          at = { xAxisIndex: k, yAxisIndex: k, animation: false };
        grid.push({
          left: (k % side) * wide + 66,
          width: wide - 86,
          top: Math.floor(k / side) * 230 + 30,
          height: 142,
        });
        xAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            min: 0,
            max: end,
            name: "working time",
            grid: false,
            splitNumber: 3,
            axisLabel: { formatter: clock, showMaxLabel: false },
          }),
        );
        const most =
          Math.max(
            purse.limit || 0,
            purse.spent + purse.committed,
            purse.forecast ? Math.min(purse.forecast[2], 2 * (purse.limit || purse.forecast[0] || 1)) : 0,
          ) || 1;
        yAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            min: 0,
            max: most * 1.08,
            name: purse.title,
            nameLocation: "end",
            nameGap: 10,
            nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -54], color: color("ink"), fontWeight: 600 },
            splitNumber: 3,
            axisLabel: { formatter: told, showMaxLabel: false },
          }),
        );
        series.push({
          ...at,
          ...quiet,
          type: "line",
          symbol: "none",
          areaStyle: { color: color("search"), opacity: 0.14 },
          lineStyle: { color: color("search"), width: 2 },
          data: purse.course,
          ...(purse.limit !== null && {
            markLine: {
              precision: 12, // two digits otherwise, which moves a line
              silent: true,
              symbol: "none",
              lineStyle: { color: color("best"), type: [7, 4], width: 1.5 },
              label: {
                formatter: `limit ${told(purse.limit)}`,
                position: "insideEndTop",
                ...text,
                color: color("ink"),
                textBorderColor: color("card"),
                textBorderWidth: 3,
              },
              data: [{ yAxis: purse.limit }],
            },
          }),
          ...(purse.kept && {
            markArea: {
              silent: true,
              itemStyle: { color: color("best"), opacity: 0.13 },
              data: [[{ yAxis: Math.max(purse.limit - purse.kept, 0) }, { yAxis: purse.limit }]],
            },
          }),
        });
        if (purse.committed)
          series.push({
            ...at,
            ...quiet,
            type: "custom",
            encode: { x: 0, y: [1, 2] },
            data: [[data.seconds, purse.spent, purse.spent + purse.committed]],
            renderItem: (params, api) => {
              const a = api.coord([api.value(0), api.value(1)]),
                b = api.coord([api.value(0), api.value(2)]);
              return {
                type: "rect",
                shape: { x: a[0] - 5, y: b[1], width: 10, height: Math.max(a[1] - b[1], 1) },
                style: { fill: color("card"), stroke: color("search"), lineWidth: 1.5, lineDash: [3, 2] },
              };
            },
          });
        if (purse.forecast && end > data.seconds) {
          const [mean, low, high] = purse.forecast;
          series.push({
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            lineStyle: { color: color("search"), type: [4, 4], width: 1.5 },
            data: [
              [data.seconds, purse.spent],
              [end, mean],
            ],
          });
          series.push({
            ...at,
            ...quiet,
            type: "custom",
            encode: { x: 0, y: [1, 2] },
            clip: true,
            data: [[end, low, Math.min(high, most * 1.08)]],
            renderItem: (params, api) => {
              const a = api.coord([api.value(0), api.value(1)]),
                b = api.coord([api.value(0), api.value(2)]);
              return {
                type: "line",
                shape: { x1: a[0] - 2, y1: a[1], x2: b[0] - 2, y2: b[1] },
                style: { stroke: color("search"), lineWidth: 3 },
              };
            },
          });
        }
      });
      return { grid, xAxis, yAxis, series };
    },
  };

  // Each rule's statistic in parts of its threshold, on a log axis: the line is where it fires.
  charts.stopping = {
    option(data, width) {
      const rows = [...data.rows].reverse(),
        left = Math.min(170, width * 0.3);
      const lines = data.courses || [],
        tall = rows.length ? 66 + 40 * rows.length : 0,
        first = rows.length ? 1 : 0; // grid of the courses
      const shares = rows.map((row) => Math.max(row.share, 0.01));
      const low = Math.min(0.5, ...shares) / 1.3,
        high = Math.max(2, ...shares) * 1.3;
      const now = {
        grid: { left: left + 8, right: 30, top: 22, height: tall - 62 },
        xAxis: axis({
          type: "log",
          min: low,
          max: high,
          name: "statistic, in parts of the threshold",
          axisLabel: { formatter: short, showMinLabel: false, showMaxLabel: false },
        }),
        yAxis: axis({
          type: "category",
          data: rows.map((row) => row.rule + (row.ends ? "" : " (advice)")),
          grid: false,
          axisLabel: { width: left, overflow: "truncate", color: color("ink"), interval: 0 },
        }),
        series: {
          type: "scatter",
          animation: false,
          symbolSize: 13,
          cursor: "default",
          data: rows.map((row, i) => ({
            value: [shares[i], i],
            row,
            symbol: row.past ? "diamond" : "circle",
            symbolSize: row.past ? 16 : 12,
            itemStyle: { color: color(row.past ? "bad" : "search") },
          })),
          markLine: {
            precision: 12, // two digits otherwise, which moves a line
            silent: true,
            symbol: "none",
            lineStyle: { color: color("best"), type: [7, 4], width: 1.5 },
            label: { formatter: "fires", position: "end", rotate: 0, ...text, color: color("ink") },
            data: [{ xAxis: 1 }],
          },
        },
      };
      // Below: the statistic of each rule over time, beside its threshold.
      const over = lines.map((line, k) => {
        const top = tall + COURSE * k,
          at = { xAxisIndex: k + first, yAxisIndex: k + first, animation: false };
        return {
          title: {
            text: `${clipped(line.rule, 40)}${line.ends ? "" : " (advice)"}: ${line.of}${line.log ? " (log)" : ""}`,
            left: 8,
            top: top + 6,
            textStyle: { ...text, fontWeight: 600, color: color("ink"), width: width - 20, overflow: "truncate" },
          },
          grid: { left: 64, right: 30, top: top + 34, height: COURSE - 84 },
          xAxis: axis({ type: "value", gridIndex: k + first, max: line.last, name: "full runs", minInterval: 1 }),
          yAxis: axis({
            type: line.log ? "log" : "value",
            gridIndex: k + first,
            splitNumber: 3,
            axisLabel: { formatter: short },
          }),
          series: [
            {
              ...at,
              ...quiet,
              type: "line",
              symbol: "none",
              lineStyle: { color: color("best"), type: [7, 4], width: 1.5 },
              data: line.points.map(([n, , threshold]) => [n, threshold]),
            },
            {
              ...at,
              type: "line",
              lineStyle: { color: color("search"), width: 2 },
              cursor: "default",
              data: line.points.map(([n, statistic, threshold, past]) => ({
                value: [n, statistic],
                point: { n, statistic, threshold, line },
                symbol: past ? "diamond" : "circle",
                symbolSize: past ? 9 : 4,
                itemStyle: { color: color(past ? "bad" : "search") },
              })),
            },
          ],
        };
      });
      const all = [...(rows.length ? [now] : []), ...over];
      return {
        title: over.map((each) => each.title),
        grid: all.map((each) => each.grid),
        xAxis: all.map((each) => each.xAxis),
        yAxis: all.map((each) => each.yAxis),
        series: all.flatMap((each) => each.series),
        tooltip: tooltip(({ data: { row, point } }) =>
          row
            ? `<b>${escape(row.rule)}</b><br>${escape(row.words)}`
            : `<b>${escape(point.line.rule)}</b> after ${point.n} full runs<br>${escape(point.line.of)} ${short(point.statistic)}<br>fires at ${short(point.threshold)}`,
        ),
      };
    },
  };
  const COURSE = 190; // pixels of one, as panels/stopping.py has it
})();
