// What scores are worth: noise, predictions of the model before and after, failures by region.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clipped, across } = trialist;

  charts.noise = {
    option(data, width) {
      const rows = [...data.rows].reverse(),
        left = Math.min(130, width * 0.3),
        range = data.axis;
      const at = { animation: false, cursor: "default" };
      const dots = (key, look) => ({
        ...at,
        type: "scatter",
        ...look,
        data: rows.flatMap((row, i) => row[key].map((v) => ({ value: [held(range, v), i], row, v }))),
      });
      return {
        grid: { left: left + 8, right: 20, top: 8, bottom: 44 },
        xAxis: valueAxis(range, { name: `${clipped(data.metric, 40)} (${data.better} is better)` }),
        yAxis: axis({
          type: "category",
          data: rows.map((row) => row.name),
          axisLabel: { width: left, overflow: "truncate", color: color("ink"), interval: 0 },
        }),
        series: [
          dots("search", { symbol: "circle", symbolSize: 6, itemStyle: { color: color("search"), opacity: 0.7 } }),
          dots("fresh", { ...mark("again"), symbolSize: 8 }),
          {
            ...at,
            ...quiet,
            type: "custom",
            z: 4,
            encode: { x: [1, 2], y: 0 },
            data: rows.map((row, i) => [i, held(range, row.low), held(range, row.high)]),
            renderItem: across("best", 1.8),
          },
          {
            ...at,
            ...quiet,
            type: "scatter",
            z: 5,
            symbol: "rect",
            symbolSize: [4, 12],
            itemStyle: { color: color("best") },
            data: rows.map((row, i) => [held(range, row.mean), i]),
          },
        ],
        tooltip: tooltip(
          ({ data: { row, v } }) =>
            `<b>${escape(row.name)}</b><br>${short(v)}<br>mean ${short(row.mean)} (${short(row.low)} to ${short(row.high)})`,
        ),
      };
    },
  };

  charts.calibration = {
    option(data) {
      const range = data.axis,
        at = { animation: false, cursor: "default" };
      const points = data.points.map(([n, predicted, sd, actual]) => ({ n, predicted, sd, actual }));
      return {
        grid: { left: 64, right: 18, top: 34, bottom: 48 },
        xAxis: valueAxis(range, { name: `${clipped(data.metric, 40)} as measured` }),
        yAxis: valueAxis(range, {
          name: "as predicted",
          nameLocation: "end",
          nameGap: 14,
          nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
        }),
        series: [
          {
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            lineStyle: { color: color("base"), type: [7, 4], width: 1.5 },
            data: [
              [range.low, range.low],
              [range.high, range.high],
            ],
          },
          {
            ...at,
            ...quiet,
            type: "custom",
            clip: true,
            encode: { x: 0, y: [1, 2] },
            data: points.map((p) => [
              held(range, p.actual),
              held(range, p.predicted - p.sd),
              held(range, p.predicted + p.sd),
            ]),
            renderItem: trialist.whisker(1, 2),
          },
          {
            ...at,
            type: "scatter",
            ...mark("search"),
            data: points.map((p) => ({ value: [held(range, p.actual), held(range, p.predicted)], p })),
          },
        ],
        tooltip: tooltip(
          ({ data: { p } }) =>
            `<b>trial ${p.n}</b><br>measured ${short(p.actual)}<br>predicted ${short(p.predicted)} ± ${short(p.sd)}`,
        ),
      };
    },
  };

  // Intervals that were foretold, trial by trial, and the scores that came.
  charts.foretold = {
    option(data, width) {
      const range = data.axis,
        at = { animation: false, cursor: "default" };
      const trials = data.trials.map(([n, low, lower, median, upper, high, soFar, came]) => ({
        ...{ n, low, lower, median, upper, high, soFar, came },
        within: low <= came && came <= high,
      }));
      const half = Math.max(1.5, Math.min(4, (0.35 * (width - 82)) / trials.length));
      const interval = (params, api) => {
        const y = (i) => api.coord([api.value(0), api.value(i)])[1],
          x = api.coord([api.value(0), api.value(3)])[0];
        return {
          type: "group",
          children: [
            {
              type: "line",
              shape: { x1: x, y1: y(1), x2: x, y2: y(5) },
              style: { stroke: color("soft"), lineWidth: 1, opacity: 0.8 },
            },
            {
              type: "rect",
              shape: { x: x - half, y: Math.min(y(2), y(4)), width: 2 * half, height: Math.abs(y(4) - y(2)) },
              style: { fill: color("soft"), opacity: 0.45 },
            },
            {
              type: "line",
              shape: { x1: x - half, y1: y(3), x2: x + half, y2: y(3) },
              style: { stroke: color("ink"), lineWidth: 1.2 },
            },
          ],
        };
      };
      const scores = (within, kind) => ({
        ...at,
        type: "scatter",
        z: 4,
        ...mark(kind),
        data: trials
          .filter((trial) => trial.within === within)
          .map((trial) => ({ value: [trial.n, held(range, trial.came)], trial })),
      });
      return {
        grid: { left: 64, right: 18, top: 34, bottom: 48 },
        xAxis: axis({
          type: "value",
          min: trials[0].n - 1,
          max: trials[trials.length - 1].n + 1,
          minInterval: 1,
          name: "trial",
          grid: false,
          axisLabel: { showMinLabel: false, showMaxLabel: false },
        }),
        yAxis: valueAxis(range, {
          name: `${clipped(data.metric, Math.min(60, Math.floor((width - 150) / 7)))} (${data.better} is better)`,
          nameLocation: "end",
          nameGap: 14,
          nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -52] },
        }),
        series: [
          {
            ...at,
            ...quiet,
            type: "line",
            symbol: "none",
            z: 1,
            lineStyle: { color: color("base"), type: [7, 4], width: 1.5 },
            data: trials.map((trial) => [trial.n, held(range, trial.soFar)]),
          },
          {
            ...at,
            ...quiet,
            type: "custom",
            z: 2,
            clip: true,
            encode: { x: 0, y: [1, 2, 3, 4, 5] },
            data: trials.map((t) => [t.n, ...[t.low, t.lower, t.median, t.upper, t.high].map((v) => held(range, v))]),
            renderItem: interval,
          },
          scores(true, "search"),
          scores(false, "failed"),
        ],
        tooltip: tooltip(
          ({ data: { trial: t } }) =>
            `<b>trial ${t.n}</b><br>foretold ${short(t.median)} (${short(t.low)} to ${short(t.high)})` +
            `<br>came ${short(t.came)}${t.within ? "" : ", outside"}<br>median of the scores before ${short(t.soFar)}`,
        ),
      };
    },
  };

  // Failures: a row of parts for each dial, the fuller the more of its trials failed.
  charts.failures = {
    height: (data) => data.rows.length * 64 + 10,
    option(data, width) {
      const left = Math.min(150, width * 0.28),
        grid = [],
        xAxis = [],
        yAxis = [],
        series = [];
      // Where numbers have no room under each bin, the ends of the scale are told.
      const isTight = (row) => (width - left) / row.bins.length < 40 && row.bins[0].label.includes(" to ");
      data.rows.forEach((row, k) => {
        grid.push({ left: left + 10, right: 14, top: k * 64 + 8, height: 30 });
        xAxis.push(
          axis({
            gridIndex: k,
            type: "category",
            data: row.bins.map((bin) => bin.label),
            grid: false,
            axisLabel: {
              fontSize: 11,
              ...(isTight(row) ? {} : { width: (width - left - 24) / row.bins.length - 6, overflow: "truncate" }),
              hideOverlap: false,
              interval: 0,
              formatter: (v, i) => {
                const [low, high] = v.split(" to ");
                if (isTight(row)) return i === 0 ? low : i === row.bins.length - 1 ? high : "";
                return (width - left) / row.bins.length > 70 ? v.replace(" to ", "–") : low;
              },
            },
          }),
        );
        yAxis.push(
          axis({
            gridIndex: k,
            type: "value",
            min: 0,
            max: 1,
            show: true,
            axisLine: { show: false },
            axisLabel: { show: false },
            grid: false,
            name: clipped(row.dial, Math.floor(left / 7)),
            nameLocation: "middle",
            nameRotate: 0,
            nameGap: 10,
            nameTextStyle: { ...text, align: "right", color: color("ink"), fontSize: 13 },
          }),
        );
        series.push({
          xAxisIndex: k,
          yAxisIndex: k,
          type: "bar",
          animation: false,
          barCategoryGap: "6%",
          cursor: "default",
          showBackground: true,
          backgroundStyle: { color: color("soft"), opacity: 0.12 },
          itemStyle: { color: color("bad") },
          data: row.bins.map((bin) => ({
            value: bin.n ? bin.failed / bin.n : 0,
            bin,
            row,
            label: {
              show: bin.failed > 0 && (width - left) / row.bins.length > 40,
              formatter: `${bin.failed}/${bin.n}`,
              position: "insideBottom",
              color: color("ink"),
              fontSize: 11,
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
          ({ data: { row, bin } }) =>
            `<b>${escape(row.dial)}</b> ${escape(bin.label)}<br>${bin.failed} of ${bin.n} failed`,
        ),
      };
    },
  };
})();
