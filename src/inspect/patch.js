// The page of a patching sweep: a cell for each place. `shell.data` is what `orrery inspect patch --json` prints.
"use strict";

(() => {
  const {data, main, about, el, token, visible, number, onTheme, keys} = shell;
  const {many, clamp, paint_signed, facts, why, shown, live} = looking;
  const tokens = data.noising ? data.clean.tokens : data.corrupt.tokens, others = data.noising ? data.corrupt.tokens : data.clean.tokens;
  const by_head = data.site === "heads";
  const effect = (layer, head, position) => (by_head ? data.effect[layer][head][position] : data.effect[layer][position]);
  const difference = (layer, head, position) => (by_head ? data.difference[layer][head][position] : data.difference[layer][position]);
  const all_layers = Array.from({length: data.layers}, (_, i) => i), all_heads = Array.from({length: data.heads}, (_, i) => i), all_positions = tokens.map((_, i) => i);
  const at = {layer: 0, head: 0, position: 0};
  const select = (changes) => looking.select(at, changes);

  // The position at which a head does most.
  const strongest = (layer, head) => all_positions.reduce((best, p) => (Math.abs(effect(layer, head, p)) > Math.abs(effect(layer, head, best)) ? p : best), 0);
  for (const layer of all_layers)
    for (const head of all_heads)
      for (const position of all_positions)
        if (Math.abs(effect(layer, head, position)) > Math.abs(effect(at.layer, at.head, at.position))) Object.assign(at, {layer, head, position});

  const differs = (i) => data.clean.tokens[i] !== data.corrupt.tokens[i];
  const chips = (texts) => el("div", {class: "chips"}, ...texts.map((text, i) => token(text, {"data-differs": String(differs(i)), title: "position " + i})));
  const section = (id, title, summary, ...children) => main.append(el("section", {class: "panel stage", id}, el("h2", {}, title, el("span", {class: "muted", text: summary})), ...children));
  const stack = data.stack ? data.stack + "." : "";
  // Of a recurrence a layer is a direction of reading.
  const layer_name = (l) => (data.site === "state" ? data.places[l].split(".").at(-2) : "layer " + l);
  const word = (place) => data.site === "state" ? data.places[place.layer] : stack + (by_head ? `layers.${place.layer}.heads.${place.head}` : `layers.${place.layer}.` + (data.site === "attention" ? "attention_out" : data.site));

  section("texts", "Two texts", data.noising ? "the clean one is run, spoilt at one place" : "the corrupted one is run, restored at one place",
          el("div", {class: "sides"}, el("span", {class: "muted", text: "clean"}), chips(data.clean.tokens), el("span", {class: "number", text: number(data.clean.difference, 3)}),
             el("span", {class: "muted", text: "corrupted"}), chips(data.corrupt.tokens), el("span", {class: "number", text: number(data.corrupt.difference, 3)})),
          el("p", {}, "The number is the logit of ", token(data.answer.text), " minus that of ", token(data.wrong.text), stack ? " as the decoder's first word." : " after the last token."),
          why("One place after the other gets the value that the other text has there, and the number is measured again. An effect of 0 changes nothing; 1 is as in the other text. Restoring shows what suffices, spoiling what is needed."));

  // The grid: a row a token and a column a layer; for heads a row a layer and a column a head, at the position where it does most.
  const cells = [];
  function cell(place) {
    const button = el("button", {type: "button", tabindex: "-1", on: {click: () => select(place)}});
    cells.push({button, place});
    return el("td", {}, button);
  }
  const column = (text) => el("th", {scope: "col", text: String(text)});
  const head_row = by_head ? all_heads.map((h) => column("head " + h)) : all_layers.map((l) => column(layer_name(l)));
  const rows = by_head ? all_layers.map((layer) => el("tr", {}, el("th", {scope: "row", text: "layer " + layer}), ...all_heads.map((head) => cell({layer, head, position: strongest(layer, head)}))))
    : all_positions.map((position) => el("tr", {}, el("th", {scope: "row"}, token(tokens[position])), ...all_layers.map((layer) => cell({layer, head: 0, position}))));
  const same = (place) => place.layer === at.layer && place.head === at.head && (by_head || place.position === at.position);
  function draw() {
    for (const {button, place} of cells) {
      const x = effect(place.layer, place.head, place.position);
      button.textContent = Math.abs(x) < 0.005 ? "·" : x.toFixed(2);
      button.title = `${word(place)} at ${place.position} ${visible(tokens[place.position])}: ${x}`;
      button.setAttribute("aria-pressed", String(same(place)));
      paint_signed(button, x);
    }
  }
  shown.push(draw);
  onTheme(draw);
  section("grid", "Effect", by_head ? "of each head, where it does most" : "of each layer at each token", el("div", {class: "scroll"}, el("table", {class: "grid"}, el("thead", {}, el("tr", {}, el("td"), ...head_row)), el("tbody", {}, ...rows))));

  section("place", "The place chosen", "", live(() => {
    const x = effect(at.layer, at.head, at.position);
    const strip = all_positions.map((p) => {
      const y = effect(at.layer, at.head, p);
      const chip = el("button", {type: "button", class: "chip", "aria-pressed": String(p === at.position), on: {click: () => select({position: p})}}, visible(tokens[p]), el("small", {text: Math.abs(y) < 0.005 ? "·" : y.toFixed(2)}));
      paint_signed(chip, y);
      return chip;
    });
    return [facts([["place", el("span", {class: "mono", text: word(at) + "@" + at.position})], ["token", el("span", {}, token(tokens[at.position]), ...(differs(at.position) ? [" with the value of ", token(others[at.position])] : []))],
                   ["effect", number(x, 4)], ["the difference becomes", number(difference(at.layer, at.head, at.position), 4)]]),
            el("p", {class: "muted", text: by_head ? "This head at every position:" : "This layer at every position:"}), el("div", {class: "chips"}, ...strip),
            el("code", {class: "call", text: `--patch ${word(at)}@${at.position} --patch-from TEXT does the same in generate, logits and trace`})];
  }));

  about.textContent = `${data.model}: ${stack}${data.site}; ` + many(data.layers, "layer") + (by_head ? ", " + many(data.heads, "head") : "") + ", " + many(tokens.length, "position");
  const move = (key, by, count) => () => select({[key]: clamp(at[key] + by, count)});
  keys({ArrowLeft: [by_head ? "head before" : "layer before", move(by_head ? "head" : "layer", -1, by_head ? data.heads : data.layers)], ArrowRight: ["next", move(by_head ? "head" : "layer", 1, by_head ? data.heads : data.layers)],
        ArrowUp: [by_head ? "layer before" : "token before", move(by_head ? "layer" : "position", -1, by_head ? data.layers : tokens.length)], ArrowDown: ["next", move(by_head ? "layer" : "position", 1, by_head ? data.layers : tokens.length)],
        "[": ["position before", move("position", -1, tokens.length)], "]": ["next", move("position", 1, tokens.length)]});
  select({});
})();
