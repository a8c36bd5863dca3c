"use strict";
// Two to four runs side by side. Texts go in as text and drawings as SVG elements; the choice stands
// in the address, so that it can be linked and kept.
for (const place of document.querySelectorAll(".compare")) {
  const data = JSON.parse(place.querySelector(".compare-data").textContent);
  const byName = new Map(data.runs.map((run) => [run.name, run]));
  const MOST = 4;
  const DASHES = ["", "7 3", "2 3", "10 3 2 3"];
  const PANEL = { width: 316, height: 290, left: 44, right: 10, top: 12, bottom: 40 };

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const drawn = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const swatch = (index) => drawn("svg", { class: `swatch run-${index + 1}`, viewBox: "0 0 32 8", width: 32, height: 8, "aria-hidden": "true" },
    drawn("path", { d: "M1 4H31", fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-dasharray": DASHES[index] }));
  const number = (value) => (Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(+value.toPrecision(3))).replace("-", "\u2212");

  // what is chosen
  const choices = Array.from({ length: MOST }, (_, index) => {
    const select = element("select", {}, ...data.runs.map((run) => new Option(run.name, run.name)));
    if (index > 1) select.prepend(new Option("none", ""));
    return select;
  });
  const labels = element("select", {}, ...data.labels.map((label) => new Option(label, label)));
  const chosen = () => {
    const names = new Set(choices.map((select) => select.value).filter(Boolean));
    return [...names].map((name) => byName.get(name));
  };
  const fromAddress = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const names = [...new Set((given.get("runs") || "").split(","))].filter((name) => byName.has(name)).slice(0, MOST);
    for (const name of [...data.start, ...byName.keys()]) {
      if (names.length < 2 && !names.includes(name)) names.push(name);
    }
    choices.forEach((select, index) => { select.value = names[index] || ""; });
    labels.value = data.labels.includes(given.get("label")) ? given.get("label") : "any";
  };
  const toAddress = () => {
    const names = chosen().map((run) => run.name).join(",");
    history.replaceState(null, "", `#runs=${names}&label=${labels.value}`);
  };

  // a panel of lines
  const ticks = (low, high) => {
    const step = [1, 2, 2.5, 5, 10].map((part) => part * 10 ** Math.floor(Math.log10((high - low) / 5)))
      .find((size) => (high - low) / size <= 6);
    const first = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step);
  };
  function panel({ xlabel, ylabel, x: [x0, x1], y: [y0, y1], whole = false, diagonal = false, lines }) {
    const right = PANEL.width - PANEL.right, bottom = PANEL.height - PANEL.bottom;
    const across = (x) => +(PANEL.left + (x - x0) / (x1 - x0) * (right - PANEL.left)).toFixed(1);
    const up = (y) => +(bottom - (y - y0) / (y1 - y0) * (bottom - PANEL.top)).toFixed(1);
    const svg = drawn("svg", { class: "plot chart", viewBox: `0 0 ${PANEL.width} ${PANEL.height}`, width: PANEL.width, height: PANEL.height, "aria-hidden": "true" });
    for (const tick of ticks(x0, x1).filter((value) => !whole || Number.isInteger(value))) {
      svg.append(drawn("path", { class: "grid", d: `M${across(tick)} ${PANEL.top}V${bottom}` }),
        drawn("text", { x: across(tick), y: bottom + 15, "text-anchor": "middle" }, number(tick)));
    }
    for (const tick of ticks(y0, y1)) {
      svg.append(drawn("path", { class: "grid", d: `M${PANEL.left} ${up(tick)}H${right}` }),
        drawn("text", { x: PANEL.left - 6, y: up(tick) + 4, "text-anchor": "end" }, number(tick)));
    }
    if (diagonal) svg.append(drawn("path", { class: "chance", d: `M${across(0)} ${up(0)}L${across(1)} ${up(1)}` }));
    svg.append(drawn("text", { x: (PANEL.left + right) / 2, y: PANEL.height - 6, "text-anchor": "middle" }, xlabel),
      drawn("text", { transform: `translate(11 ${(PANEL.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel));
    for (const { index, points, thin } of lines) {
      const d = points.map(([x, y], place) => `${place ? "L" : "M"}${across(x)} ${up(y)}`).join("");
      svg.append(drawn("path", {
        class: `line run-${index + 1}${thin ? " thin" : ""}`, d, "stroke-dasharray": DASHES[index],
      }));
    }
    return svg;
  }
  const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index] / 1000, flat[2 * index + 1] / 1000]);
  const curves = (runs, kind) => runs.map((run, index) => ({ index, points: pairs(run.curves[labels.value][kind]) }));
  const trained = (runs) => runs.filter((run) => run.history);
  function learning(runs) {
    const lines = runs.flatMap((run, index) => !run.history ? [] : ["loss", "val_loss"].map((name) =>
      ({ index, thin: name === "loss", points: run.history[name].map((value, epoch) => [epoch + 1, value]) })));
    const values = lines.flatMap((line) => line.points.map(([, y]) => y));
    const low = Math.min(...values), high = Math.max(...values), room = 0.06 * (high - low || 1);
    return panel({
      xlabel: "epoch", ylabel: "loss that is trained", whole: true, lines,
      x: [0.5, Math.max(...lines.map((line) => line.points.length)) + 0.5], y: [low - room, high + room],
    });
  }

  // what is shown of them
  // A number and its interval, which may go to a line of its own.
  function figureOf(text) {
    const at = text.indexOf(" (");
    return at < 0 ? [text] : [text.slice(0, at), " ", element("span", { className: "interval", textContent: text.slice(at + 1) })];
  }
  function table(caption, head, rows, numeric) {
    const cell = (tag, content, column) => element(tag, { className: numeric && column ? "number" : "" }, ...content);
    const body = rows.map(([first, ...others]) => {
      const name = element("th", { scope: "row" }, first);
      return element("tr", {}, name, ...others.map((text, place) => cell("td", numeric ? figureOf(text) : [text], place + 1)));
    });
    const place = element("div", { className: "table", tabIndex: 0 }, element("table", {},
      element("caption", { textContent: caption }),
      element("thead", {}, element("tr", {}, ...head.map((content, column) => {
        const made = cell("th", [content], column);
        made.scope = "col";
        return made;
      }))),
      element("tbody", {}, ...body)));
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", caption);
    return place;
  }
  const heads = (runs) => runs.map((run, index) => element("span", { className: "of-run" }, swatch(index), ` ${run.name}`));
  function parameters(runs) {
    const names = [...new Set(runs.flatMap((run) => Object.keys(run.parameters)))];
    const rows = names.map((name) => [name, ...runs.map((run) => run.parameters[name] ?? "\u2013")]);
    const differ = rows.filter(([, ...values]) => new Set(values).size > 1);
    const same = rows.length - differ.length;
    if (!differ.length) return element("p", { textContent: `They agree in all ${same} parameters.` });
    return table(`Parameters that differ; the other ${same} agree.`, ["parameter", ...heads(runs)], differ, false);
  }
  function scores(runs) {
    const rows = ["AUC", "average precision", "log loss"].flatMap((score, place) => data.labels.map((label) =>
      [`${score}, ${label}`, ...runs.map((run) => run.scores[label][place])]));
    return table("Scores on test, by label, with 95 % intervals over linked patient groups.", ["score", ...heads(runs)], rows, true);
  }
  function key(runs) {
    return element("ul", { className: "key" }, ...runs.map((run, index) => element("li", {},
      swatch(index), " ", element("a", { href: run.page, textContent: run.name }),
      element("span", { textContent: `${run.question ? `${run.question} ` : ""}${run.sample}, tested on ${run.test}.` }))));
  }
  function warnings(runs) {
    const said = [];
    const sets = new Set(runs.map((run) => run.test_set)).size;
    if (sets === 1 && runs.length > 1) said.push("Each interval is of one run. Runs on the same slices may differ although their intervals overlap: the page of the results compares them slice by slice.");
    if (sets > 1) said.push("These runs are tested on different slices: a gap between their scores may be one between the slices.");
    if (new Set(trained(runs).map((run) => run.loss)).size > 1) said.push("They train different losses: compare the shapes of their learning curves, not the heights.");
    const combined = runs.filter((run) => !run.history).map((run) => run.name).join(", ");
    if (combined) said.push(`These combine other runs and train nothing, so that they have no learning curve: ${combined}.`);
    return said.map((text) => element("p", { className: "note", textContent: text }));
  }
  function figure(runs) {
    const label = labels.value;
    const learned = trained(runs).length > 0;
    const panels = element("div", { className: "panels" }, ...(learned ? [learning(runs)] : []),
      panel({ xlabel: "1 \u2212 specificity", ylabel: "sensitivity", x: [0, 1], y: [0, 1], diagonal: true, lines: curves(runs, "roc") }),
      panel({ xlabel: "recall", ylabel: "precision", x: [0, 1], y: [0, 1], lines: curves(runs, "pr") }));
    const said = runs.map((run) => `${run.name}: area ${run.scores[label][0]}, average precision ${run.scores[label][1]}`);
    panels.setAttribute("role", "img");
    panels.setAttribute("aria-label", `${learned ? "Learning curves, " : ""}ROC and precision-recall curves for ${label} on test. ${said.join("; ")}.`);
    return element("figure", { className: "drawing" }, panels, element("figcaption", {
      textContent: `${learned ? "The trained loss after each epoch, thin on train and thick on validation; then " : ""}ROC and precision-recall curves for ${label} on test.`,
    }));
  }

  const shown = element("div", { className: "shown" });
  function draw() {
    const runs = chosen();
    shown.replaceChildren(key(runs), ...warnings(runs),
      element("h3", { textContent: "What differs" }), parameters(runs),
      element("h3", { textContent: `Curves for ${labels.value === "any" ? "any bleeding" : labels.value}` }), figure(runs),
      element("h3", { textContent: "Scores by label" }), scores(runs));
  }
  const control = (name, content) => element("label", {}, element("span", { textContent: name }), content);
  place.querySelector(".note").remove();
  place.append(element("div", { className: "controls" },
    ...choices.map((select, index) => control(`Run ${index + 1}`, select)), control("Label of the curves", labels)), shown);
  for (const select of [...choices, labels]) select.addEventListener("change", () => { toAddress(); draw(); });
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#runs=")) { fromAddress(); draw(); }
  });
  fromAddress();
  draw();
}
