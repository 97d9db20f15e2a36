// The page of attention patterns. `shell.data` is what `orrery inspect attention --json` prints, and the weights.
"use strict";

(() => {
  const {data, main, el, token, number} = shell;
  const texts = data.sides.tokens.texts;
  for (const stack of data.stacks) {
    const rows = stack.summary.map((one) => el("tr", {}, el("td", {text: one.layer}), el("td", {text: one.head}), el("td", {text: number(one.entropy)}), el("td", {text: number(one.first)}),
      el("td", {}, token(texts[one.strongest.query] ?? String(one.strongest.query)), " → ", token(texts[one.strongest.key] ?? String(one.strongest.key)), " " + number(one.strongest.weight))));
    main.append(el("section", {class: "panel"}, el("table", {}, el("thead", {}, el("tr", {}, ...["layer", "head", "entropy", "first", "strongest"].map((text) => el("th", {scope: "col", text})))), el("tbody", {}, ...rows))));
  }
})();
