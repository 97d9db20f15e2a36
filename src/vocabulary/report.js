// The page of a vocabulary report. `shell.data` is what `orrery vocab report --json` prints.
"use strict";

(() => {
  const {data, main, about, el, token, visible} = shell;
  const other = data.compare || null;
  const percent = (x) => (x > 0 && x < 0.001 ? (100 * x).toFixed(3) : (100 * x).toFixed(1)) + " %";
  const whole = (x) => Math.round(x).toLocaleString("en");
  about.textContent = data.model + (other ? " beside " + other.model : "") + ": how well it cuts " + data.terms.length + " terms" + (data.domain_is === "corpus" ? " and a corpus" : "") + " into tokens";

  // What each verdict means, in a sentence for somebody who does not know what a token is.
  const MEANING = {
    "fits": "The model reads your words in pieces about as large as those of everyday text. Nothing needs to be done.",
    "watch": "Your words take somewhat more pieces than everyday text: texts cost more and fill the model's window sooner. Look at the terms below before you decide.",
    "extend": "Your words are cut into many small pieces. Adding tokens for them, and training the model on, makes texts shorter and cheaper.",
    "train your own": "The vocabulary was made for other texts. A model for this domain should have a vocabulary of its own.",
  };
  const verdict = el("section", {class: "panel verdict", "data-verdict": data.verdict}, el("h2", {text: "Verdict: " + data.verdict}), el("p", {text: MEANING[data.verdict] || ""}));
  for (const one of data.advice) verdict.append(el("p", {class: "muted", text: one}));
  const SIGNS = {good: "✓ good", watch: "△ watch", act: "✕ act"};
  verdict.append(el("table", {class: "wide", id: "reasons"},
    el("thead", {}, el("tr", {}, ...["it rests on", "value", "watch above", "act above", ""].map((text, i) => el("th", {scope: "col", class: i > 0 && i < 4 ? "number" : "", text})))),
    el("tbody", {}, ...data.reasons.map((one) => el("tr", {}, el("td", {text: one.measure}), ...[one.value, one.watch_above, one.act_above].map((x) => el("td", {class: "number", text: String(+x.toPrecision(3))})),
      el("td", {class: "level-" + one.level, text: SIGNS[one.level]}))))));
  main.append(verdict);

  function card(name, of, why) {
    const made = el("div", {class: "card", title: why}, el("span", {class: "muted", text: name}), el("b", {text: of(data)}));
    if (other) made.append(el("span", {class: "other", text: other.model + ": " + of(other)}));
    return made;
  }
  main.append(el("section", {class: "cards", id: "cards", "aria-label": "In short"},
    card("tokens for each term", (r) => r.mean_tokens_per_term.toFixed(2), "A term of one token is seen by the model as one thing."),
    card("tokens for each word", (r) => r.domain.fertility.toFixed(2), "1 would be perfect; everyday English takes about 1.2 to 1.4."),
    card("everyday text", (r) => r.general.fertility.toFixed(2), "The same figure for plain sentences of the first language."),
    card("terms heavily split", (r) => r.heavily_split.length + " of " + r.terms.length, "Four tokens a word or more."),
    card("unknown", (r) => percent(r.unk_rate), "What is unknown is lost: the model never sees it."),
    card(whole(data.cost.pages) + " pages are", (r) => whole(r.cost.tokens), "Tokens; a page is " + data.cost.characters_per_page + " characters."),
    card("which cost", (r) => r.cost.price.toPrecision(3), "At " + data.cost.price_per_million + " a million tokens."),
    ...(data.cost.pages_in_context ? [card("pages in the window", (r) => (r.cost.pages_in_context ? r.cost.pages_in_context.toFixed(1) : "–"), "How much of the domain's text the model reads at once.")] : [])));

  // Bars, drawn as SVG: rows of {name, value, other}, and a line where the value is 1 or what `mark` says.
  const SVG = "http://www.w3.org/2000/svg";
  function svg(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  function bars(rows, shown, mark, label) {
    const height = other ? 34 : 24, left = 150, width = 620, right = 70;
    const most = Math.max(mark || 0, ...rows.flatMap((row) => [row.value, row.other || 0])) || 1;
    const at = (x) => (x / most) * (width - left - right);
    const chart = svg("svg", {class: "chart", viewBox: "0 0 " + width + " " + (rows.length * height + 4), role: "img", "aria-label": label});
    rows.forEach((row, i) => {
      const y = i * height + 4, thick = other ? 12 : 16;
      chart.append(svg("text", {x: left - 8, y: y + 13, "text-anchor": "end"}, row.name),
        svg("rect", {x: left, y, width: Math.max(1, at(row.value)), height: thick, rx: 2}),
        svg("text", {x: left + at(row.value) + 6, y: y + 12}, shown(row.value)));
      if (other && row.other !== undefined) {
        chart.append(svg("rect", {class: "other", x: left, y: y + 14, width: Math.max(1, at(row.other)), height: thick, rx: 2}),
          svg("text", {class: "muted", x: left + at(row.other) + 6, y: y + 26}, shown(row.other)));
      }
    });
    if (mark) chart.append(svg("line", {x1: left + at(mark), x2: left + at(mark), y1: 0, y2: rows.length * height}));
    return chart;
  }
  const panel = (title, why, ...children) => el("section", {class: "panel"}, el("h2", {text: title}), el("p", {class: "muted", text: why}), ...children);

  const columns = el("div", {class: "columns"});
  if (data.languages.length) {
    const beside = (i, key) => (other ? other.languages[i][key] : undefined);
    columns.append(panel("Languages", "Tokens for the same sentences, times those of the first language. What stands at 2 costs twice as much; “?” where characters are unknown, and so are lost.",
      bars(data.languages.map((one, i) => ({name: one.language + (one.unk_rate > 0 ? " ?" : ""), value: one.parity, other: beside(i, "parity")})), (x) => x.toFixed(2), 1, "tokens by language")));
  }
  const kinds = new Map();
  const collect = (report, key) => {
    for (const term of report.terms) {
      const row = kinds.get(term.kind || "terms") || {name: term.kind || "terms", count: 0, value: 0, other: 0};
      row[key] += term.tokens;
      if (key === "value") row.count++;
      kinds.set(row.name, row);
    }
  };
  collect(data, "value");
  if (other) collect(other, "other");
  columns.append(panel("Kinds of terms", "Tokens for each term, on average.",
    bars([...kinds.values()].map((row) => ({name: row.name, value: row.value / row.count, other: other ? row.other / row.count : undefined})), (x) => x.toFixed(1), 0, "tokens for each term by kind")));
  const lengths = new Map();
  for (const term of data.terms) lengths.set(Math.min(term.tokens, 16), (lengths.get(Math.min(term.tokens, 16)) || 0) + 1);
  const otherLengths = new Map();
  if (other) for (const term of other.terms) otherLengths.set(Math.min(term.tokens, 16), (otherLengths.get(Math.min(term.tokens, 16)) || 0) + 1);
  const sizes = [...new Set([...lengths.keys(), ...otherLengths.keys()])].sort((a, b) => a - b);
  columns.append(panel("How many tokens a term takes", "How many terms take so many.",
    bars(sizes.map((n) => ({name: n === 16 ? "16 or more" : n + (n === 1 ? " token" : " tokens"), value: lengths.get(n) || 0, other: other ? otherLengths.get(n) || 0 : undefined})), String, 0, "terms by number of tokens")));

  const facts = (rows) => el("table", {class: "wide"}, el("tbody", {}, ...rows.map(([name, of]) => el("tr", {}, el("td", {text: name}), el("td", {class: "number", text: of(data)}), ...(other ? [el("td", {class: "number muted", text: of(other)})] : [])))));
  columns.append(panel("What token ends cut through", "A number or a code cut in odd places is hard for a model to copy and to compare.", facts([
    ["ends inside a character", (r) => whole(r.domain.ends_inside_characters)],
    ["ends inside a composed character", (r) => whole(r.domain.ends_inside_graphemes)],
    ["numbers cut", (r) => r.domain.broken_numbers + " of " + r.domain.numbers],
    ["product codes cut between letters or digits", (r) => r.domain.broken_product_codes + " of " + r.domain.product_codes],
    ["tokens for each product code", (r) => r.domain.tokens_per_product_code.toFixed(1)],
    ["tokens that are bytes", (r) => percent(r.domain.byte_fallback_rate)],
    ["words kept whole", (r) => percent(r.domain.single_token_words)],
    ["words in four parts or more", (r) => percent(r.domain.heavily_split_words)],
  ])));
  columns.append(panel("The vocabulary", "What is there, and what of it is used.", facts([
    ["tokens", (r) => whole(r.vocabulary.size)],
    ["used by these texts", (r) => percent(r.vocabulary.used_share)],
    ["out of reach of any text", (r) => whole(r.vocabulary.unreachable)],
    ...(data.vocabulary.under_trained !== undefined ? [["look untrained", (r) => (r.vocabulary.under_trained === undefined ? "–" : whole(r.vocabulary.under_trained))]] : []),
    ["Rényi efficiency", (r) => r.renyi_efficiency.toFixed(3)],
    ["texts that do not come back", (r) => r.round_trip.failures + " of " + r.round_trip.texts],
    ["names of special tokens in the texts", (r) => whole(r.collisions.length)],
    ...(data.cost.against_general_text !== undefined ? [["a page against everyday text", (r) => (r.cost.against_general_text > 0 ? "+" : "") + percent(r.cost.against_general_text)]] : []),
  ])));
  if (data.extension && data.extension.added !== undefined) {
    const e = data.extension;
    columns.append(panel("What extending would gain", "Tried: learned from four fifths of the corpus, measured on the rest.", facts([
      ["tokens added", () => whole(e.added)], ["tokens before", () => whole(e.tokens_before)], ["tokens after", () => whole(e.tokens_after)], ["shorter by", () => percent(e.shorter)]])));
  }
  main.append(columns);

  const pieces = (all) => {
    const made = el("span", {class: "pieces"});
    for (const piece of all) made.append(el("span", {class: "piece", "data-shared": piece === "" ? "true" : null, text: piece === "" ? "·" : visible(piece)}));
    return made;
  };
  if (data.first_difference) {
    const d = data.first_difference;
    main.append(panel("The first difference", "By the " + d.cause + ", in “" + d.text + "”", el("div", {}, data.model + ": ", pieces(d.pieces)), el("div", {}, other.model + ": ", pieces(d.other_pieces))));
  }
  const ordered = data.terms.map((term, i) => ({term, other: other ? other.terms[i] : null})).sort((a, b) => b.term.tokens - a.term.tokens);
  main.append(el("section", {class: "panel scroll"}, el("h2", {text: "All terms, the most split first"}), el("table", {class: "wide", id: "terms"},
    el("thead", {}, el("tr", {}, ...["term", "kind", "tokens", "as the model sees it"].map((text) => el("th", {scope: "col", class: text === "tokens" ? "number" : "", text})), ...(other ? [el("th", {scope: "col", class: "number", text: "tokens"}), el("th", {scope: "col", text: other.model})] : []))),
    el("tbody", {}, ...ordered.map(({term, other: theirs}) => el("tr", {}, el("td", {text: term.term}), el("td", {class: "muted", text: term.kind}), el("td", {class: "number", text: term.tokens}), el("td", {}, pieces(term.pieces)),
      ...(theirs ? [el("td", {class: "number", text: theirs.tokens}), el("td", {}, pieces(theirs.pieces))] : [])))))));
  if (data.round_trip.examples.length) {
    main.append(el("section", {class: "panel scroll"}, el("h2", {text: "Texts that do not come back"}), el("table", {class: "wide"},
      el("thead", {}, el("tr", {}, ...["text", "comes back as", "cause"].map((text) => el("th", {scope: "col", text})))),
      el("tbody", {}, ...data.round_trip.examples.map((one) => el("tr", {}, el("td", {}, token(one.text)), el("td", {}, token(one.decoded)), el("td", {text: one.cause})))))));
  }
})();
