"use strict";
// The table of all runs: rows to filter, columns to hide. Columns in which all rows agree start
// hidden; without this script everything is shown.
for (const place of document.querySelectorAll(".runs")) {
  const table = place.querySelector("table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const rows = [...body.rows];
  const named = heads.map((head) => head.textContent.trim());
  const agree = heads.map((_, column) =>
    column > 0 && rows.length > 1 && new Set(rows.map((row) => row.cells[column].textContent)).size === 1);

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const words = element("input", { type: "search", autocomplete: "off" });
  const count = element("span", { className: "soft" });
  count.setAttribute("role", "status");
  const boxes = heads.map((_, column) => element("input", { type: "checkbox", checked: !agree[column] }));
  const summary = element("summary");
  const show = (which) => { boxes.forEach((box, column) => { box.checked = which(column); }); columns(); };
  const choice = element("details", { className: "columns" }, summary,
    element("p", { className: "buttons" },
      element("button", { type: "button", textContent: "Show all", onclick: () => show(() => true) }),
      element("button", { type: "button", textContent: "Show those that differ", onclick: () => show((column) => !agree[column]) })),
    element("ul", {}, ...heads.slice(1).map((_, place) =>
      element("li", {}, element("label", {}, boxes[place + 1], ` ${named[place + 1]}`)))));

  function columns() {
    for (const row of [heads, ...rows.map((row) => row.cells)]) {
      boxes.forEach((box, column) => { row[column].hidden = column > 0 && !box.checked; });
    }
    const shown = boxes.filter((box, column) => column === 0 || box.checked).length;
    summary.textContent = `Columns: ${shown} of ${heads.length}`;
    filter();
  }
  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = [...row.cells].filter((cell) => !cell.hidden).map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} runs`;
  }
  words.addEventListener("input", filter);
  for (const box of boxes) box.addEventListener("change", columns);
  place.prepend(element("div", { className: "controls" },
    element("label", {}, element("span", { textContent: "Rows with" }), words), count, choice));
  columns();
}
