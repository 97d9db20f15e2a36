// The shell of every page: `shell.data` is what the page shows, `shell.main` where it shows it.
"use strict";

const shell = (() => {
  const held = JSON.parse(document.getElementById("data").textContent);

  // el("button", {class: "x", text: "Go", "aria-pressed": "false", on: {click: f}}, child, …). Text never becomes markup.
  function el(tag, about = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(about)) {
      if (key === "text") made.textContent = value;
      else if (key === "on") for (const [event, then] of Object.entries(value)) made.addEventListener(event, then);
      else if (value !== undefined && value !== null) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // What a token's text holds, made visible: spaces, line ends, control and invisible characters.
  const SIGNS = {" ": "·", "\n": "⏎", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", "\u200b": "⟨zwsp⟩", "\ufeff": "⟨bom⟩"};
  const INVISIBLE = /[\u0000-\u0020\u007f-\u00a0\u00ad\u061c\u180e\u2000-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff\ufff0-\ufffb]/u;
  function sign(character) {
    if (SIGNS[character]) return SIGNS[character];
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return "⟨" + code.toString(16).padStart(4, "0") + "⟩";
  }
  function visible(text) {
    return text === "" ? "∅" : Array.from(text, (c) => (INVISIBLE.test(c) ? sign(c) : c)).join("");
  }
  // The same as an element, the signs faint.
  function token(text, about = {}) {
    const made = el("span", {class: "token", ...about});
    if (text === "") made.append(el("span", {class: "mark", text: "∅"}));
    for (const c of text) {
      if (INVISIBLE.test(c)) made.append(el("span", {class: "mark", text: sign(c)}));
      else made.append(c);
    }
    return made;
  }

  // 0.1234; small ones as 1.2e-5
  function number(x, digits = 4) {
    if (x === null || x === undefined || Number.isNaN(x)) return "–";
    return x !== 0 && Math.abs(x) < Math.pow(10, -digits) ? x.toExponential(1) : x.toFixed(digits);
  }

  // Themes: the system's until one is chosen. `onTheme(f)` runs f now and at each change.
  const preferred = window.matchMedia("(prefers-color-scheme: light)");
  const listeners = [];
  let chosen = null;
  try { chosen = localStorage.getItem("orrery-theme"); } catch { /* a page from a file may have no storage */ }
  const theme = () => (chosen === "dark" || chosen === "light" ? chosen : preferred.matches ? "light" : "dark");
  function show_theme() {
    document.documentElement.dataset.theme = theme();
    for (const listener of listeners) listener();
  }
  function switch_theme() {
    chosen = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("orrery-theme", chosen); } catch { /* as above */ }
    show_theme();
  }
  preferred.addEventListener("change", show_theme);
  document.documentElement.dataset.theme = theme();
  function onTheme(listener) {
    listeners.push(listener);
    listener();
  }

  // A sequential scale of monotone lightness: 0 is the ground, 1 stands out, in either theme. ramp(x) is [red, green, blue].
  const STOPS = {
    dark: [[22, 25, 34], [46, 43, 104], [52, 92, 150], [40, 148, 148], [110, 200, 105], [253, 231, 80]],
    light: [[255, 255, 255], [214, 232, 236], [140, 200, 206], [63, 142, 184], [42, 82, 146], [20, 24, 70]],
  };
  const tables = {};
  for (const [name, stops] of Object.entries(STOPS)) {
    tables[name] = Array.from({length: 257}, (_, i) => {
      const at = (i / 256) * (stops.length - 1), low = Math.min(stops.length - 2, Math.floor(at));
      return stops[low].map((c, k) => Math.round(c + (at - low) * (stops[low + 1][k] - c)));
    });
  }
  const ramp = (x) => tables[theme()][Math.max(0, Math.min(256, Math.round(x * 256))) || 0];
  const colour = (x) => "rgb(" + ramp(x).join(",") + ")";

  // keys({t: ["theme", f], ArrowUp: …}): a press runs f; the help line lists the words. null instead of a word: not listed.
  const NAMES = {ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space"};
  const bound = {};
  const key_line = el("div", {class: "keys", "aria-label": "Keys"});
  function keys(more) {
    for (const [key, [word, then]] of Object.entries(more)) {
      bound[key] = then;
      if (word) key_line.append(el("span", {}, el("kbd", {text: NAMES[key] || key}), " " + word));
    }
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("button, summary, a")) return;
    if (!bound[event.key]) return;
    event.preventDefault();
    bound[event.key](event);
  });

  const about = el("span", {class: "about"});
  const theme_button = el("button", {type: "button", title: "dark or light (t)", id: "theme", on: {click: switch_theme}});
  onTheme(() => { theme_button.textContent = theme() === "dark" ? "☀ Light" : "☾ Dark"; });
  const main = el("main");
  const footer = el("footer", {class: "page"}, key_line);
  if (held.command) footer.append(el("div", {}, "Orrery " + held.version + ", made by ", el("code", {text: held.command})));
  document.body.append(el("header", {class: "page"}, el("h1", {text: held.title}), about, theme_button), main, footer);

  keys({t: ["theme", switch_theme]});
  return {data: held.data, main, about, el, visible, token, number, theme, onTheme, ramp, colour, keys};
})();
