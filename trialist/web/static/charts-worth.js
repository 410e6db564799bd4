// What scores are worth: noise of each configuration, calibration of the model, failures by region, rules that stop.
"use strict";
(() => {
  const { charts, axis, valueAxis, held, tooltip, mark, quiet, color, text, escape, short, clipped } = trialist;
})();
