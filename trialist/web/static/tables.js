// Tables: sorted by a column's button, filtered by text and by the ranges that are chosen in the chart of all
// configurations. Events are heard at the document, so that tables which come later are heard as well.
"use strict";
(() => {
  const heads = (table) => [...table.tHead.rows[0].cells];

  function sort(table, column) {
    const head = heads(table)[column],
      up = head.getAttribute("aria-sort") !== "ascending";
    heads(table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => {
      const cell = row.cells[column];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    // Numbers before text, so that trials without a score stay at the end, whichever way.
    const order = (a, b) => {
      if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
      const difference = typeof a === "number" ? a - b : a.localeCompare(b);
      return up ? difference : -difference;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
  }

  let chosen = null; // numbers of trials, or null for all
  function filter() {
    const wanted = (document.getElementById("filter")?.value || "").trim().toLowerCase();
    const rows = [...document.querySelectorAll("#trials tbody tr")];
    for (const row of rows) {
      const isChosen = chosen === null || chosen.has(Number(row.cells[0].dataset.v));
      row.hidden = !(isChosen && row.textContent.toLowerCase().includes(wanted));
    }
    const told = document.getElementById("filtered");
    if (!told) return;
    const left = rows.filter((row) => !row.hidden).length;
    told.textContent =
      left === rows.length ? "" : `${left} of ${rows.length} rows${chosen ? ", within the ranges chosen above" : ""}`;
  }

  addEventListener("click", (event) => {
    const button = event.target.closest?.("table.sortable thead th button");
    if (!button) return;
    const table = button.closest("table");
    sort(table, heads(table).indexOf(button.closest("th")));
  });
  addEventListener("input", (event) => event.target.id === "filter" && filter());
  addEventListener("trialist:chosen", (event) => {
    chosen = event.detail.numbers && new Set(event.detail.numbers);
    filter();
  });
})();
