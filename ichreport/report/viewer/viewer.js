"use strict";
// The slice viewer. Without it the picture that it replaces is there. pixels.js comes before it.
(() => {
  const { clamp, rgb, inflate, unfold, enlarge, between, heatColors, outline } = globalThis.ichreportPixels;
  const SHARPEST = 440; // pixels a side that a drawn slice has at least
  const LEAP = 5; // slices of a Page key
  const ROLL = 40; // pixels: a wheel event of as many is a notch of a mouse, smaller ones add up

  const signed = (value) => String(Math.round(value)).replace("-", "\u2212");

  function make(tag, properties, ...children) {
    const svg = ["svg", "rect", "line"].includes(tag);
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    }
    // in JupyterLab a key pressed here is not for the notebook: x would cut the cell
    if (["canvas", "button", "input", "select"].includes(tag)) node.dataset.lmSuppressShortcuts = "true";
    node.append(...children);
    return node;
  }

  class Viewer {
    constructor(root, data) {
      this.root = root;
      this.data = data;
      this.colors = data.colors.map(rgb);
      this.place = 0;
      this.ready = [];
      this.build();
      this.setWindow(...data.windows[0].slice(1));
    }

    get series() { return this.data.series[this.number]; }
    get count() { return this.series.positions.length; }

    // What is there, from top to bottom.
    build() {
      const { data } = this;
      this.canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": "Slice" });
      this.context = this.canvas.getContext("2d");
      this.corners = Object.fromEntries(["place", "truth", "pointer", "window"].map((name) => [name, make("span", { class: `at-${name}` })]));
      this.bar = make("div", { class: "scale" }, make("span", {}, "5 cm"));
      this.sides = [make("span", { class: "at-right-side" }, "R"), make("span", { class: "at-left-side" }, "L")];
      const marks = [this.bar, ...this.sides, ...Object.values(this.corners)];
      const stage = make("div", { class: "stage" }, this.canvas, ...marks);
      for (const node of marks) node.setAttribute("aria-hidden", "true");
      this.uid = make("p", { class: "uid" });
      this.said = make("p", { class: "said", "aria-live": "polite" });
      this.choice = make("select", { onchange: () => this.open(Number(this.choice.value)) },
        ...data.series.map((one, number) => make("option", { value: number }, one.name)));
      const chosen = make("label", { class: "series" }, make("span", {}, "Series"), this.choice);
      if (data.series.length < 2) chosen.hidden = true;
      this.strips = make("div", { class: "strips" });
      this.root.append(make("div", { class: "instrument" }, stage,
        make("div", { class: "panel" }, chosen, this.strips, this.windowing(), this.overlays(), this.uid, this.said)));
      this.listen(stage);
    }

    windowing() {
      this.presets = this.data.windows.map(([name, center, width]) => {
        const text = name[0].toUpperCase() + name.slice(1);
        return make("button", { type: "button", "aria-pressed": "false", onclick: () => this.setWindow(center, width) }, text);
      });
      const number = (text, low, high) => {
        const input = make("input", { type: "number", min: low, max: high, step: 1 });
        input.addEventListener("change", () => this.setWindow(Number(this.center.value), Number(this.width.value)));
        return [input, make("label", {}, make("span", {}, text), input)];
      };
      const [center, centerLabel] = number("Center", -1024, 3071);
      const [width, widthLabel] = number("Width", 1, 4096);
      Object.assign(this, { center, width });
      return make("div", { class: "row", role: "group", "aria-label": "Window, in HU" },
        make("div", { class: "presets" }, ...this.presets),
        make("div", { class: "pair" }, centerLabel, widthLabel));
    }

    overlays() {
      const draw = () => this.draw();
      const group = make("div", { class: "row", role: "group", "aria-label": "Over the image" });
      this.outlines = make("input", { type: "checkbox", onchange: draw });
      this.outlines.checked = true;
      this.outlinesLabel = make("label", { class: "tick" }, this.outlines, "Truth outline");
      this.heatOf = make("select", { onchange: draw });
      this.opacity = make("input", { type: "range", min: 0, max: 100, value: 0, oninput: draw });
      this.heatLabels = [
        make("label", {}, make("span", {}, "Heat of"), this.heatOf),
        make("label", { class: "opacity" }, make("span", {}, "Opacity"), this.opacity),
      ];
      group.append(this.outlinesLabel, ...this.heatLabels);
      return group;
    }

    // One series.
    async open(number) {
      const series = this.data.series[number];
      const ready = this.ready[number] ??= await this.unpack(series);
      this.number = number;
      Object.assign(this, ready);
      this.uid.textContent = series.uid;
      this.outlinesLabel.hidden = !this.masks;
      const before = this.heatOf.value;
      const labels = series.heat.map(({ label }) => label);
      this.heatOf.replaceChildren(...labels.map((label) => make("option", {}, label)));
      this.heatOf.value = labels.includes(before) ? before : labels.at(-1);
      for (const label of this.heatLabels) label.hidden = !series.heat.length;
      if (series.heat.length && !this.opened) this.opacity.value = 55;
      this.opened = true;
      this.factor = 1;
      while (series.side * this.factor < SHARPEST) this.factor += 2;
      this.canvas.width = this.canvas.height = this.large = series.side * this.factor;
      this.bar.hidden = !series.millimetres;
      for (const mark of this.sides) mark.hidden = !series.sides;
      if (series.millimetres) this.bar.style.width = `${5000 / (series.millimetres * series.side)}%`;
      this.buildStrips();
      this.go(series.first);
    }

    async unpack(series) {
      const { side } = series;
      const hu = unfold(await inflate(series.hu), side);
      const masks = series.truth === null ? null : await inflate(series.truth);
      const heat = new Map();
      for (const { label, side: small, slices, maps } of series.heat) {
        heat.set(label, { small, slices, values: await inflate(maps) });
      }
      return { hu, masks, heat };
    }

    // Strips along the series: the slider, then a row for each label.
    buildStrips() {
      const { count, series } = this;
      this.slider = make("input", {
        type: "range", min: 1, max: count, step: 1, "aria-label": "Slice",
        oninput: () => this.go(Number(this.slider.value) - 1),
      });
      this.sliderValue = make("span", { class: "value" });
      this.cursor = make("div", { class: "cursor" });
      this.values = this.data.labels.map(() => make("span", { class: "value" }));
      const rows = this.data.labels.map((label, index) => [
        make("button", {
          type: "button", class: "label", title: `Go to the slice that shows most of ${label}`,
          onclick: () => this.go(this.most(index)),
        }, label),
        this.strip(index),
        this.values[index],
      ]);
      const tracks = make("div", { class: "tracks" }, this.cursor);
      tracks.setAttribute("aria-hidden", "true");
      const drag = (event) => {
        if (event.type === "pointermove" && !event.buttons) return;
        const box = tracks.getBoundingClientRect();
        this.go(Math.floor(((event.clientX - box.left) / box.width) * count));
      };
      tracks.addEventListener("pointerdown", (event) => { tracks.setPointerCapture(event.pointerId); drag(event); });
      tracks.addEventListener("pointermove", drag);
      tracks.append(...rows.map(([, strip]) => strip));
      const track = make("div", { class: "track" }, this.slider);
      track.style.setProperty("--count", count);
      this.strips.replaceChildren(
        make("span", { class: "label" }, "Slice"), track, this.sliderValue,
        make("div", { class: "names" }, ...rows.map(([name]) => name)), tracks,
        make("div", { class: "values" }, ...this.values));
      this.strips.classList.toggle("probable", series.probabilities !== null);
    }

    // Bars are 20 high; the truth is a mark below them, or, without probabilities, the bar.
    strip(index) {
      const { series, count } = this;
      const color = `var(--plot-label-${this.data.labels[index]})`;
      const svg = make("svg", { viewBox: `0 0 ${count} 26`, preserveAspectRatio: "none" });
      const bar = (place, top, height, look) => svg.append(make("rect", { x: place + 0.08, width: 0.84, y: top, height, ...look }));
      for (let place = 0; place < count; place++) {
        const truth = series.truths !== null && series.truths[index][place] === 1;
        if (series.probabilities === null) {
          bar(place, truth ? 2 : 21, truth ? 20 : 1, { fill: truth ? color : "var(--viewer-line)" });
          continue;
        }
        const value = series.probabilities[index][place];
        bar(place, 20, 0.8, { fill: "var(--viewer-line)" });
        if (value !== null) {
          const seen = series.splits !== null && series.splits[place] !== "test";
          const height = Math.max(20 * value, 0.6);
          bar(place, 20 - height, height, { fill: color, "fill-opacity": seen ? 0.3 : 1 });
        }
        if (truth) bar(place, 22.5, 3, { fill: "var(--viewer-ink)" });
      }
      const threshold = series.probabilities && this.data.thresholds ? this.data.thresholds[index] : null;
      if (threshold !== null) {
        const y = 20 - 20 * threshold;
        svg.append(make("line", { x1: 0, x2: count, y1: y, y2: y, class: "threshold", "vector-effect": "non-scaling-stroke" }));
      }
      return svg;
    }

    most(index) {
      const { probabilities, truths } = this.series;
      const values = probabilities === null ? truths[index] : probabilities[index];
      const best = Math.max(...values.map((value) => value ?? -1));
      return values.indexOf(best) < 0 || best <= 0 ? this.place : values.indexOf(best);
    }

    go(place) {
      this.place = clamp(place, 0, this.count - 1);
      const { side } = this.series;
      const image = this.hu.subarray(this.place * side * side, (this.place + 1) * side * side);
      this.image = enlarge(image, side, side, this.factor);
      this.layers = new Map();
      this.edges = null;
      this.slider.value = this.place + 1;
      this.cursor.style.left = `${(100 * this.place) / this.count}%`;
      this.cursor.style.width = `${100 / this.count}%`;
      this.tell();
      this.draw();
    }

    tell() {
      const { place, count, series, data } = this;
      const z = series.positions[place];
      const truth = this.truthInWords();
      const at = z === null ? "" : ` at ${signed(z)} mm`;
      const split = series.splits === null ? "" : series.splits[place] === null ? "not in the sample" : `${series.splits[place]} slice`;
      data.labels.forEach((label, index) => {
        const value = series.probabilities && series.probabilities[index][place];
        const given = series.probabilities ? (value === null ? "\u2013" : value.toFixed(2)) : series.truths[index][place] === 1 ? "yes" : "";
        this.values[index].textContent = given;
      });
      this.sliderValue.textContent = `${place + 1}/${count}`;
      this.slider.setAttribute("aria-valuetext", `${place + 1} of ${count}`);
      this.corners.place.textContent = `${place + 1} / ${count}${z === null ? "" : `\u2003z ${signed(z)} mm`}`;
      this.corners.truth.textContent = [truth, split].filter(Boolean).join("\n");
      const known = truth ? ` Truth: ${truth}.` : "";
      const text = `Slice ${place + 1} of ${count}${at}.${known}${split ? ` ${split}.` : ""}${this.probabilityInWords()}`;
      this.said.textContent = text;
      this.canvas.setAttribute("aria-label", `${series.name}. ${text}`);
    }

    // Nothing for a new study, of which nobody knows the truth.
    truthInWords() {
      const { place, series, data } = this;
      if (series.truths === null) return "";
      const labelled = series.truths.every((truth) => truth[place] >= 0);
      const bleeds = data.labels.filter((label, index) => label !== "any" && series.truths[index][place] === 1);
      return bleeds.length ? bleeds.join(", ") : labelled ? "no bleeding" : "not labelled";
    }

    // With thresholds: that of any bleeding, and which labels are called; without: all of them.
    probabilityInWords() {
      const { probabilities } = this.series;
      const { labels, thresholds } = this.data;
      const values = labels.map((_, index) => (probabilities === null ? null : probabilities[index][this.place]));
      if (values.includes(null)) return "";
      const said = labels.map((label, index) => `${label} ${values[index].toFixed(2)}`);
      if (thresholds === null) return ` Probability: ${said.join(", ")}.`;
      const called = labels.filter((_, index) => thresholds[index] !== null && values[index] >= thresholds[index]);
      return ` Probability: ${said[labels.indexOf("any")]}. Labels at or above their thresholds: ${called.join(", ") || "none"}.`;
    }

    // The window, and what is drawn.
    setWindow(center, width) {
      if (!Number.isFinite(center) || !Number.isFinite(width)) return this.setWindow(...this.window);
      this.window = [clamp(Math.round(center), -1024, 3071), clamp(Math.round(width), 1, 4096)];
      [this.center.value, this.width.value] = this.window;
      this.presets.forEach((button, index) => {
        const [, own, full] = this.data.windows[index];
        button.setAttribute("aria-pressed", String(own === this.window[0] && full === this.window[1]));
      });
      this.corners.window.textContent = `C ${signed(this.window[0])}  W ${this.window[1]}`;
      if (this.image) this.draw();
    }

    draw() {
      const { image, large } = this;
      const [center, width] = this.window;
      const low = center - width / 2;
      const picture = this.context.createImageData(large, large);
      const pixels = picture.data;
      const heat = this.heatLayer();
      const strength = Number(this.opacity.value) / 100;
      for (let at = 0; at < image.length; at++) {
        const gray = clamp((image[at] - low) / width, 0, 1) * 255;
        const weight = heat ? strength * heat[at] / 255 : 0;
        const color = weight > 0 ? heatColors[Math.round(heat[at])] : null;
        for (let channel = 0; channel < 3; channel++) {
          pixels[4 * at + channel] = color ? gray * (1 - weight) + color[channel] * weight : gray;
        }
        pixels[4 * at + 3] = 255;
      }
      if (this.masks && this.outlines.checked) this.drawOutlines(pixels);
      this.context.putImageData(picture, 0, 0);
    }

    heatLayer() {
      const label = this.heatOf.value;
      const maps = this.heat.get(label);
      const number = maps ? maps.slices.indexOf(this.place) : -1;
      if (number < 0 || Number(this.opacity.value) === 0) return null;
      if (!this.layers.has(label)) {
        const size = maps.small ** 2;
        this.layers.set(label, between(maps.values.subarray(number * size, (number + 1) * size), maps.small, this.large));
      }
      return this.layers.get(label);
    }

    drawOutlines(pixels) {
      const { side } = this.series;
      const mask = this.masks.subarray(this.place * side * side, (this.place + 1) * side * side);
      this.edges ??= this.data.labels.slice(0, -1).map((_, bit) => outline(mask, bit, side, this.factor));
      this.edges.forEach((edge, bit) => {
        for (const at of edge) pixels.set(this.colors[bit], 4 * at);
      });
    }

    // Wheel, keys and pointers.
    listen(stage) {
      let rolled = 0;
      stage.addEventListener("wheel", (event) => {
        const notch = event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(event.deltaY) >= ROLL;
        const by = Math.sign(event.deltaY);
        const end = by > 0 ? this.place >= this.count - 1 : this.place <= 0;
        // the page scrolls until the image is clicked, and again at either end
        if (event.ctrlKey || !by || end || !this.root.contains(document.activeElement)) return;
        event.preventDefault();
        rolled = event.deltaY + (Math.sign(rolled) === by ? rolled : 0);
        if (!notch && Math.abs(rolled) < ROLL) return;
        rolled = 0;
        this.go(this.place + by);
      }, { passive: false });
      this.root.addEventListener("keydown", (event) => this.key(event));
      this.listenToPointer();
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
      const { place, count } = this;
      const to = {
        ArrowUp: place - 1, ArrowLeft: place - 1, ArrowDown: place + 1, ArrowRight: place + 1,
        PageUp: place - LEAP, PageDown: place + LEAP, Home: 0, End: count - 1,
      }[event.key];
      const preset = event.target === this.canvas ? this.data.windows[Number(event.key) - 1] : undefined;
      if (to === undefined && preset === undefined) return;
      event.preventDefault();
      if (preset) this.setWindow(...preset.slice(1));
      else this.go(to);
    }

    listenToPointer() {
      const { canvas } = this;
      let start = null;
      canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        start = { x: event.clientX, y: event.clientY, window: this.window, place: this.place };
        canvas.setPointerCapture(event.pointerId);
        canvas.focus({ preventScroll: true });
      });
      canvas.addEventListener("pointermove", (event) => {
        this.tellPointer(event);
        if (!start) return;
        const [right, down] = [event.clientX - start.x, event.clientY - start.y];
        if (event.pointerType === "mouse") {
          const [center, width] = start.window;
          this.setWindow(center + (down * width) / 250, width * Math.exp(right / 150));
        } else {
          this.go(start.place + Math.round((right / canvas.clientWidth) * Math.max(this.count, 8)));
        }
      });
      for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { start = null; });
      canvas.addEventListener("pointerleave", () => { this.corners.pointer.textContent = ""; });
    }

    tellPointer(event) {
      const { side } = this.series;
      const box = this.canvas.getBoundingClientRect();
      const x = Math.floor(((event.clientX - box.left) / box.width) * side);
      const y = Math.floor(((event.clientY - box.top) / box.height) * side);
      const inside = x >= 0 && y >= 0 && x < side && y < side;
      this.corners.pointer.textContent = inside ? `${signed(this.hu[(this.place * side + y) * side + x])} HU` : "";
    }
  }

  async function start(root) {
    root.dataset.state = "starting";
    const viewer = new Viewer(root, JSON.parse(root.querySelector(".viewer-data").textContent));
    await viewer.open(0);
    root.dataset.state = "ready";
  }

  for (const root of document.querySelectorAll(".viewer:not([data-state])")) {
    // a browser that cannot inflate keeps the picture
    if (typeof DecompressionStream === "function") start(root);
  }
})();
