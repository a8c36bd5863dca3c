"use strict";
// What the slice viewer draws with: its packed numbers unpacked, images enlarged, edges found.
(() => {
  const AIR = -1024;
  const HEAT = ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4"];

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  async function inflate(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // The inverse of packing.pack_hu: two planes of folded differences along each row.
  function unfold(bytes, side) {
    const count = bytes.length / 2;
    const hu = new Int16Array(count);
    for (let start = 0; start < count; start += side) {
      let above = 0;
      for (let at = start; at < start + side; at++) {
        const folded = (bytes[at] << 8) | bytes[count + at];
        above += folded & 1 ? -((folded + 1) >> 1) : folded >> 1;
        hu[at] = above + AIR;
      }
    }
    return hu;
  }

  // Weights of the four pixels around a place t of the way from the second to the third (Catmull-Rom).
  const weights = (t) => [
    t * (-0.5 + t * (1 - 0.5 * t)), 1 + t * t * (-2.5 + 1.5 * t), t * (0.5 + t * (2 - 1.5 * t)), t * t * (-0.5 + 0.5 * t),
  ];

  // Rows made longer by an odd factor, and turned into columns. The center of a pixel keeps the
  // pixel's own value; between two centers nothing is beyond them: no dark rim along the skull.
  function stretch(image, rows, side, factor) {
    const large = side * factor;
    const result = new Float32Array(rows * large);
    for (let x = 0; x < large; x++) {
      const place = (x + 0.5) / factor - 0.5;
      const first = Math.floor(place + 1e-6);
      const [p, q, r, s] = weights(Math.max(place - first, 0));
      const [i, j, k, l] = [-1, 0, 1, 2].map((step) => clamp(first + step, 0, side - 1));
      for (let y = 0; y < rows; y++) {
        const at = y * side;
        const [b, c] = [image[at + j], image[at + k]];
        const sum = p * image[at + i] + q * b + r * c + s * image[at + l];
        const [low, high] = b < c ? [b, c] : [c, b];
        result[x * rows + y] = sum < low ? low : sum > high ? high : sum;
      }
    }
    return result;
  }

  function enlarge(image, rows, columns, factor) {
    if (factor === 1) return Float32Array.from(image);
    return stretch(stretch(image, rows, columns, factor), columns * factor, rows, factor);
  }

  function between(image, side, large) {
    const result = new Float32Array(large * large);
    const at = Array.from({ length: large }, (_, x) => clamp(((x + 0.5) * side) / large - 0.5, 0, side - 1));
    for (let y = 0; y < large; y++) {
      const top = Math.floor(at[y]), below = Math.min(top + 1, side - 1), v = at[y] - top;
      for (let x = 0; x < large; x++) {
        const left = Math.floor(at[x]), right = Math.min(left + 1, side - 1), u = at[x] - left;
        const upper = image[top * side + left] * (1 - u) + image[top * side + right] * u;
        const lower = image[below * side + left] * (1 - u) + image[below * side + right] * u;
        result[y * large + x] = upper * (1 - v) + lower * v;
      }
    }
    return result;
  }

  const heatColors = Array.from({ length: 256 }, (_, value) => {
    const place = (value / 255) * (HEAT.length - 1);
    const first = Math.min(Math.floor(place), HEAT.length - 2);
    const [low, high] = [rgb(HEAT[first]), rgb(HEAT[first + 1])];
    return low.map((part, channel) => part + (high[channel] - part) * (place - first));
  });

  // The part of a mask that has a bit set, with a margin; null where it is set nowhere.
  function cut(mask, bit, side) {
    let [top, left, bottom, right] = [side, side, -1, -1];
    for (let at = 0; at < mask.length; at++) {
      if (!((mask[at] >> bit) & 1)) continue;
      const [x, y] = [at % side, Math.floor(at / side)];
      [top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), Math.max(bottom, y), Math.max(right, x)];
    }
    if (bottom < 0) return null;
    [top, left, bottom, right] = [Math.max(top - 2, 0), Math.max(left - 2, 0), Math.min(bottom + 2, side - 1), Math.min(right + 2, side - 1)];
    const [rows, columns] = [bottom - top + 1, right - left + 1];
    const part = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) part[y * columns + x] = (mask[(top + y) * side + left + x] >> bit) & 1;
    }
    return { part, top, left, rows, columns };
  }

  // Pixels of the enlarged image along the edge of a bleed, where its enlarged mask passes one half.
  function outline(mask, bit, side, factor) {
    const found = cut(mask, bit, side);
    const edge = [];
    if (!found) return edge;
    const large = side * factor;
    const reach = Math.max(1, Math.round(large / 480));
    const [high, wide] = [found.rows * factor, found.columns * factor];
    const inside = enlarge(found.part, found.rows, found.columns, factor).map((value) => value >= 0.5);
    const start = found.top * factor * large + found.left * factor;
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        const at = y * wide + x;
        for (let step = 1; step <= reach; step++) {
          const differs = (x >= step && inside[at - step] !== inside[at]) || (x + step < wide && inside[at + step] !== inside[at])
            || (y >= step && inside[at - step * wide] !== inside[at]) || (y + step < high && inside[at + step * wide] !== inside[at]);
          if (differs) { edge.push(start + y * large + x); break; }
        }
      }
    }
    return edge;
  }

  globalThis.ichreportPixels = { clamp, rgb, inflate, unfold, enlarge, between, heatColors, outline };
})();
