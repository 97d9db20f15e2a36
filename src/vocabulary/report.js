// The page of a vocabulary report. `shell.data` is what `orrery vocab report --json` prints.
"use strict";

(() => {
  const {data, main, about, el, token, visible} = shell;
  const others = data.compare || [], reports = [data, ...others];
  const percent = (x) => (x > 0 && x < 0.001 ? (100 * x).toFixed(3) : (100 * x).toFixed(1)) + " %";
  const whole = (x) => Math.round(x).toLocaleString("en");
  // The last part of a path that says something.
  const nameOf = (report) => report.model.replace(/\/tokenizer\.json$/, "").replace(/\/+$/, "").split("/").pop() || report.model;
  about.textContent = data.model + (others.length ? " beside " + others.map((other) => other.model).join(", ") : "") + ": how well it cuts " + data.terms.length + " terms" + (data.domain_is === "corpus" ? " and a corpus" : "") + " into tokens";

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
    for (const other of others) made.append(el("span", {class: "other", title: other.model, text: nameOf(other) + ": " + of(other)}));
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

  // Bars, drawn as SVG: rows of {name, values}, a value for each tokenizer, and a line where the value is what `mark` says.
  const SVG = "http://www.w3.org/2000/svg";
  function svg(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  function bars(rows, shown, mark, label) {
    const thick = others.length ? 12 : 16, step = thick + 2, height = reports.length * step + 6, left = 150, width = 620, right = 70;
    const most = Math.max(mark || 0, ...rows.flatMap((row) => row.values)) || 1;
    const at = (x) => (x / most) * (width - left - right);
    const chart = svg("svg", {class: "chart", viewBox: "0 0 " + width + " " + (rows.length * height + 4), role: "img", "aria-label": label});
    rows.forEach((row, i) => {
      const top = i * height + 4;
      chart.append(svg("text", {x: left - 8, y: top + 13, "text-anchor": "end"}, row.name));
      row.values.forEach((value, which) => {
        const y = top + which * step;
        chart.append(svg("rect", {class: "of-" + which % 5, x: left, y, width: Math.max(1, at(value)), height: thick, rx: 2}),
          svg("text", {class: which ? "muted" : "", x: left + at(value) + 6, y: y + thick - 1}, shown(value, i, which)));
      });
    });
    if (mark) chart.append(svg("line", {x1: left + at(mark), x2: left + at(mark), y1: 0, y2: rows.length * height}));
    return chart;
  }
  const panel = (title, why, ...children) => el("section", {class: "panel"}, el("h2", {text: title}), el("p", {class: "muted", text: why}), ...children);

  // Whose bars and columns are whose.
  if (others.length)
    main.append(el("p", {class: "legend", id: "legend"}, ...reports.map((report, i) => el("span", {title: report.model}, el("i", {class: "of-" + i % 5}), nameOf(report) + (i ? "" : " (this one)")))));

  const columns = el("div", {class: "columns"});
  if (data.languages.length) {
    columns.append(panel("Languages", "Tokens for the same sentences, times those of the first language. What stands at 2 costs twice as much; “?” where characters are unknown, and so are lost.",
      bars(data.languages.map((one, i) => ({name: one.language, values: reports.map((report) => report.languages[i].parity)})),
        (x, i, which) => x.toFixed(2) + (reports[which].languages[i].unk_rate > 0 ? " ?" : ""), 1, "tokens by language")));
  }
  const kinds = [...new Set(data.terms.map((term) => term.kind || "terms"))];
  const mean = (report, kind) => {
    const tokens = report.terms.filter((term) => (term.kind || "terms") === kind).map((term) => term.tokens);
    return tokens.reduce((sum, one) => sum + one, 0) / tokens.length;
  };
  columns.append(panel("Kinds of terms", "Tokens for each term, on average.",
    bars(kinds.map((kind) => ({name: kind, values: reports.map((report) => mean(report, kind))})), (x) => x.toFixed(1), 0, "tokens for each term by kind")));
  const lengthOf = (term) => Math.min(term.tokens, 16);
  const sizes = [...new Set(reports.flatMap((report) => report.terms.map(lengthOf)))].sort((a, b) => a - b);
  columns.append(panel("How many tokens a term takes", "How many terms take so many.",
    bars(sizes.map((n) => ({name: n === 16 ? "16 or more" : n + (n === 1 ? " token" : " tokens"), values: reports.map((report) => report.terms.filter((term) => lengthOf(term) === n).length)})), String, 0, "terms by number of tokens")));

  const facts = (rows) => el("table", {class: "wide"}, el("tbody", {}, ...rows.map(([name, of]) => el("tr", {}, el("td", {text: name}), ...reports.map((report, i) => el("td", {class: i ? "number muted" : "number", text: of(report)}))))));
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
    const tried = (report, of) => (report.extension && report.extension.added !== undefined ? of(report.extension) : "–");
    columns.append(panel("What extending would gain", "Tried: learned from four fifths of the corpus, measured on the rest.", facts([
      ["tokens added", (r) => tried(r, (e) => whole(e.added))], ["tokens before", (r) => tried(r, (e) => whole(e.tokens_before))], ["tokens after", (r) => tried(r, (e) => whole(e.tokens_after))], ["shorter by", (r) => tried(r, (e) => percent(e.shorter))]])));
  }
  main.append(columns);

  const pieces = (all) => {
    const made = el("span", {class: "pieces"});
    for (const piece of all) made.append(el("span", {class: "piece", "data-shared": piece === "" ? "true" : null, text: piece === "" ? "·" : visible(piece)}));
    return made;
  };
  for (const other of others) {
    const d = other.first_difference;
    if (d) main.append(panel("The first difference", "By the " + d.cause + ", in “" + d.text + "”", el("div", {}, nameOf(data) + ": ", pieces(d.pieces)), el("div", {}, nameOf(other) + ": ", pieces(d.other_pieces))));
  }
  const ordered = data.terms.map((term, i) => ({term, theirs: others.map((other) => other.terms[i])})).sort((a, b) => b.term.tokens - a.term.tokens);
  main.append(el("section", {class: "panel scroll"}, el("h2", {text: "All terms, the most split first"}), el("table", {class: "wide", id: "terms"},
    el("thead", {}, el("tr", {}, ...["term", "kind", "tokens", "as the model sees it"].map((text) => el("th", {scope: "col", class: text === "tokens" ? "number" : "", text})), ...others.flatMap((other) => [el("th", {scope: "col", class: "number", text: "tokens"}), el("th", {scope: "col", text: nameOf(other)})]))),
    el("tbody", {}, ...ordered.map(({term, theirs}) => el("tr", {}, el("td", {text: term.term}), el("td", {class: "muted", text: term.kind}), el("td", {class: "number", text: term.tokens}), el("td", {}, pieces(term.pieces)),
      ...theirs.flatMap((one) => [el("td", {class: "number", text: one.tokens}), el("td", {}, pieces(one.pieces))])))))));
  if (data.round_trip.examples.length) {
    main.append(el("section", {class: "panel scroll"}, el("h2", {text: "Texts that do not come back"}), el("table", {class: "wide"},
      el("thead", {}, el("tr", {}, ...["text", "comes back as", "cause"].map((text) => el("th", {scope: "col", text})))),
      el("tbody", {}, ...data.round_trip.examples.map((one) => el("tr", {}, el("td", {}, token(one.text)), el("td", {}, token(one.decoded)), el("td", {text: one.cause})))))));
  }
})();
