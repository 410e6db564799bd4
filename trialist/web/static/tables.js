// Sort a table by a column's button, and show the rows that contain a text. The page is complete without it.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
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
    body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
  }));
}
const filter = document.getElementById("filter");
if (filter) {
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of document.querySelectorAll("#trials tbody tr"))
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
