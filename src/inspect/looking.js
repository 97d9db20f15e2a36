// What the pages of this folder share: words for numbers, painted cells, facts, and parts that follow what is selected.
"use strict";

const looking = (() => {
  const {el, ramp, theme, onTheme} = shell;
  const percent = (p) => (p >= 0.9995 ? "100 %" : p > 0 && p < 0.001 ? "< 0.1 %" : (100 * p).toFixed(1) + " %");
  const many = (count, what) => count.toLocaleString("en") + " " + what + (count === 1 ? "" : "s");
  const clamp = (value, count) => Math.max(0, Math.min(count - 1, value));
  const width = (element, share) => { element.style.width = (100 * Math.max(0, Math.min(1, share))).toFixed(2) + "%"; return element; };

  // A ground, and the writing that stands out more on it: black from the luminance at which both have a contrast of 4.6.
  const linear = (c) => (c <= 10 ? c / 3295 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  function ground(element, [r, g, b]) {
    element.style.backgroundColor = `rgb(${r},${g},${b})`;
    element.style.color = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) > 0.179 ? "#000" : "#fff";
  }
  // Of the sequential scale, x from 0 to 1.
  const paint = (element, x) => ground(element, ramp(x));
  // From blue over the ground to orange, x from -1 to 1.
  const ENDS = {dark: [[70, 140, 255], [28, 32, 43], [255, 170, 60]], light: [[30, 90, 200], [255, 255, 255], [205, 85, 10]]};
  function paint_signed(element, x) {
    const [low, middle, high] = ENDS[theme()], end = x < 0 ? low : high, share = Math.min(1, Math.abs(x));
    ground(element, middle.map((c, k) => Math.round(c + share * (end[k] - c))));
  }

  const facts = (pairs) => el("dl", {class: "facts"}, ...pairs.flatMap(([term, value]) => [el("dt", {text: term}), el("dd", {}, value)]));
  const why = (text) => el("details", {}, el("summary", {text: "What happens here"}), el("p", {text}));

  // What is selected, and what is redrawn when it changes, or the theme does.
  const shown = [];
  function redraw() {
    const grid = document.activeElement.closest(".grid");
    for (const draw of shown) draw();
    // Tab stops once in a grid, at what is selected, and goes along with it.
    for (const button of document.querySelectorAll(".grid button")) button.tabIndex = button.getAttribute("aria-pressed") === "true" ? 0 : -1;
    if (grid) grid.querySelector('[aria-pressed="true"]')?.focus();
  }
  function live(draw) {
    const place = el("div", {}), buttons = () => Array.from(place.querySelectorAll("button"));
    shown.push(() => {
      const held = buttons().indexOf(document.activeElement);
      place.replaceChildren(...draw());
      if (held >= 0) buttons()[held]?.focus();
    });
    return place;
  }
  function select(at, changes) {
    Object.assign(at, changes);
    redraw();
  }
  onTheme(redraw);
  return {percent, many, clamp, width, paint, paint_signed, facts, why, shown, live, select};
})();
