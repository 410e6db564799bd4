// What the dials do: importance with error bars, and pairs that act together with their slices.
"use strict";
(() => {
  const { charts, axis, tooltip, mark, quiet, color, text, escape, short, clipped } = trialist;

  const halo = { textBorderColor: color("card"), textBorderWidth: 3 };
  const unit = (given, more = {}) => {
    const ticks = given.ticks.map(([place]) => place);
    const label = (place) => {
      const near = given.ticks.find((tick) => Math.abs(tick[0] - place) < 1e-4);
      return near ? clipped(near[1], more.most || 16) : "";
    };
    return {
      min: more.min || 0,
      max: 1,
      axisLabel: {
        ...text,
        ...more.halo,
        formatter: label,
        customValues: ticks,
        showMinLabel: null,
        showMaxLabel: null,
        hideOverlap: true,
      },
      axisTick: { show: true, customValues: ticks, lineStyle: { color: color("rule") } },
    };
  };
  Object.assign(trialist, { unit, halo });

  // Bars of shares with their intervals; the shares elsewhere as other marks in the same row.
  charts.importance = {
    option(data, width) {
      const rows = [...data.rows].reverse(); // the first on top
      const names = rows.map((row) => row.dial);
      const left = Math.min(180, Math.max(80, width * 0.24));
      const most = Math.min(
        1,
        Math.max(0.1, ...rows.flatMap((row) => [row.range[1], row.share, row.ped || 0, row.near || 0])),
      );
      const at = { animation: false, cursor: "default" };
      return {
        grid: { left: left + 8, right: 24, top: 10, bottom: 44 },
        xAxis: axis({
          type: "value",
          min: 0,
          max: most,
          name: "share of the variance",
          axisLabel: { formatter: (v) => `${Math.round(v * 100)} %`, showMaxLabel: false },
        }),
        yAxis: axis({
          type: "category",
          data: names,
          grid: false,
          axisLabel: { width: left, overflow: "truncate", color: color("ink"), fontSize: 13, interval: 0 },
        }),
        series: [
          {
            ...at,
            type: "bar",
            barMaxWidth: 14,
            itemStyle: { color: color("search"), opacity: 0.8 },
            data: rows.map((row) => ({ value: row.share, row })),
          },
          {
            ...at,
            ...quiet,
            type: "custom",
            z: 4,
            encode: { x: [1, 2], y: 0 },
            data: rows.map((row, i) => [i, Math.min(row.range[0], most), Math.min(row.range[1], most)]),
            renderItem: across("ink"),
          },
          {
            ...at,
            type: "scatter",
            symbol: "diamond",
            symbolSize: 11,
            z: 5,
            itemStyle: { color: color("refine"), borderColor: color("card"), borderWidth: 1 },
            data: rows.map((row, i) => (row.ped === null ? null : { value: [row.ped, i], row })).filter(Boolean),
          },
          {
            ...at,
            type: "scatter",
            ...mark("again"),
            z: 5,
            data: rows.map((row, i) => (row.near === null ? null : { value: [row.near, i], row })).filter(Boolean),
          },
        ],
        tooltip: tooltip(
          ({ data: { row } }) =>
            `<b>${escape(row.dial)}</b><br>${percent(row.share)} (${percent(row.range[0])} to ${percent(row.range[1])})${row.ped === null ? "" : `<br>among the best: ${percent(row.ped)}`}${row.near === null ? "" : `<br>round the best: ${percent(row.near)}`}`,
        ),
      };
    },
  };
  const percent = (share) => `${Math.round(share * 1000) / 10} %`;
  // An interval with caps, along a row.
  const across =
    (tint, width = 1.5) =>
    (params, api) => {
      const a = api.coord([api.value(1), api.value(0)]),
        b = api.coord([api.value(2), api.value(0)]);
      const stroke = { stroke: color(tint), lineWidth: width };
      const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: stroke });
      return {
        type: "group",
        children: [
          line(a[0], a[1], b[0], b[1]),
          line(a[0], a[1] - 4, a[0], a[1] + 4),
          line(b[0], b[1] - 4, b[0], b[1] + 4),
        ],
      };
    };
  trialist.across = across;

  // The matrix of pairs beside the slices of the pair that is chosen.
  const layout = (data, width) => {
    const wide = width >= 720,
      side = Math.min(wide ? width * 0.46 : width, 120 + 44 * data.dials.length);
    return { wide, side, matrix: Math.min(side - 110, 44 * data.dials.length) };
  };
  charts.interactions = {
    height: (data, width) =>
      layout(data, width).wide
        ? Math.max(330, layout(data, width).matrix + 116)
        : layout(data, width).matrix + 130 + 330,
    option(data, width, figure) {
      const { wide, side, matrix } = layout(data, width);
      const chosen = data.slices[figure?.pair || 0];
      const most = Math.max(0.02, ...data.pairs.map((pair) => pair.strength));
      const spots = data.pairs.flatMap((pair) =>
        [
          [pair.a, pair.b],
          [pair.b, pair.a],
        ].map(([a, b]) => ({ value: [data.dials.indexOf(a), data.dials.indexOf(b), pair.strength], pair })),
      );
      const label = { color: color("ink"), fontSize: 12, interval: 0, overflow: "truncate", width: 92 };
      const dialAxis = { type: "category", data: data.dials, grid: false, axisTick: { show: false } };
      const option = {
        grid: [{ left: 104, top: 12, width: matrix, height: matrix }],
        xAxis: [axis({ ...dialAxis, axisLabel: { ...label, rotate: 40, width: 100 } })],
        yAxis: [axis({ ...dialAxis, inverse: true, axisLabel: label })],
        series: [
          {
            type: "custom",
            animation: false,
            encode: { x: 0, y: 1 },
            data: spots,
            renderItem: (params, api) => {
              const at = api.coord([api.value(0), api.value(1)]),
                size = api.size([1, 1]),
                spot = spots[params.dataIndex];
              const shape = {
                x: at[0] - size[0] / 2 + 1,
                y: at[1] - size[1] / 2 + 1,
                width: size[0] - 2,
                height: size[1] - 2,
              };
              const full = spot.pair.strength / most;
              const children = [
                { type: "rect", shape, style: { fill: color("search"), opacity: 0.06 + 0.94 * full } },
              ];
              if (spot.pair.real)
                children.push({
                  type: "rect",
                  shape: {
                    ...shape,
                    x: shape.x + 1.5,
                    y: shape.y + 1.5,
                    width: shape.width - 3,
                    height: shape.height - 3,
                  },
                  style: { fill: "none", stroke: color("ink"), lineWidth: 2.5 },
                });
              if (size[0] > 36)
                children.push({
                  type: "text",
                  style: {
                    text: percent(spot.pair.strength),
                    x: at[0],
                    y: at[1],
                    align: "center",
                    verticalAlign: "middle",
                    fill: color(full > 0.5 ? "card" : "ink"),
                    stroke: color("card"),
                    lineWidth: full > 0.5 ? 0 : 3,
                    fontSize: 11,
                  },
                });
              return { type: "group", children };
            },
          },
        ],
        tooltip: tooltip(({ data: { pair } }) =>
          pair
            ? `<b>${escape(pair.a)} × ${escape(pair.b)}</b><br>${percent(pair.strength)} (${percent(pair.range[0])} to ${percent(pair.range[1])})<br>${pair.real === null ? "not known whether it is real" : pair.real ? "shown to be real" : "not shown to be real"}`
            : "",
        ),
      };
      if (chosen && chosen.lines.length) {
        const left = wide ? side + 62 : 64,
          top = wide ? 40 : matrix + 150,
          room = wide ? width - side - 84 : width - 84;
        option.grid.push({ left, top, width: room, height: wide ? Math.max(220, matrix - 60) : 230 });
        const all = chosen.lines.flatMap((line) => line.y.filter((v) => v !== null));
        option.xAxis.push(
          axis({
            gridIndex: 1,
            type: "value",
            ...unit(chosen.axis, { most: 12 }),
            name: clipped(chosen.dial, 40),
            grid: false,
          }),
        );
        option.yAxis.push(
          axis({
            gridIndex: 1,
            type: "value",
            scale: true,
            axisLabel: { formatter: short },
            name: clipped(data.metric, 30),
            nameLocation: "end",
            nameGap: 12,
            nameTextStyle: { ...text, align: "left", padding: [0, 0, 0, -50] },
          }),
        );
        chosen.lines.forEach((line, k) => {
          const tint = ["search", "refine", "again", "base"][k % 4],
            at = { xAxisIndex: 1, yAxisIndex: 1, animation: false };
          option.series.push({
            ...at,
            name: line.given,
            type: "line",
            symbol: ["circle", "rect", "triangle", "diamond"][k % 4],
            showAllSymbol: false,
            symbolSize: (value, params) =>
              chosen.axis.category || params.dataIndex % Math.ceil(line.x.length / 6) === k ? 8 : 0,
            lineStyle: {
              color: color(tint),
              width: chosen.axis.category ? 0 : 2,
              type: ["solid", [7, 3], [2, 3], [9, 3, 2, 3]][k % 4],
            },
            itemStyle: { color: color(tint) },
            data: line.x.map((x, i) => [x, line.y[i]]),
            tooltip: tooltip(() => escape(line.given)),
          });
        });
        option.legend = {
          show: true,
          data: chosen.lines.map((line) => line.given),
          left,
          top: wide ? 0 : matrix + 112,
          width: room,
          itemWidth: 26,
          textStyle: { ...text, color: color("ink") },
          selectedMode: false,
        };
      }
      return option;
    },
    drawn(figure, instance, data) {
      const place = figure.querySelector(".controls"),
        key = JSON.stringify(data.slices.map((slice) => [slice.dial, slice.by]));
      if (place && place.dataset.key !== key && data.slices.length) {
        place.dataset.key = key;
        place.replaceChildren();
        figure.pair = 0;
        const choice = document.createElement("select"),
          label = document.createElement("label");
        data.slices.forEach((slice, i) =>
          choice.append(new Option(`${slice.dial} at values of ${slice.by}`, String(i))),
        );
        label.append("Show ", choice);
        place.append(label);
        choice.addEventListener("change", () => pair(figure, Number(choice.value)));
      }
    },
    ready(figure, instance) {
      instance.on("click", ({ data: spot }) => {
        const { data } = trialist.instances.get(figure);
        if (!spot?.pair) return;
        const [x, y] = [data.dials[spot.value[0]], data.dials[spot.value[1]]];
        const found = data.slices.findIndex((slice) => slice.dial === x && slice.by === y);
        if (found >= 0) pair(figure, found);
      });
    },
  };
  function pair(figure, index) {
    figure.pair = index;
    const choice = figure.querySelector(".controls select");
    if (choice) choice.value = String(index);
    trialist.draw(figure, trialist.instances.get(figure).data);
  }
})();
