// The page of a trace: every stage of one text, one below the other. `shell.data` is what `orrery trace --json` prints.
"use strict";

(() => {
  const {data, main, about, el, token, visible, number, onTheme, keys} = shell;
  const {percent, many, clamp, width, paint, facts, why, shown, live} = looking;
  const stage = Object.fromEntries(data.stages.map((one) => [one.stage, one]));
  const tokens = stage.tokenize.tokens, layers = stage.layers.layers, lens = stage.layers.lens, focus = stage.layers.from_position;
  const stream = stage.layers.stream, recurrent = stream === "state";
  const both = Boolean(stage.encoder);                    // an encoder-decoder: tokens are its source, and
  const written = both ? stage.layers.tokens : tokens;    // these what its decoder has read
  const steps = stage.continue ? stage.continue.steps : [];
  const at = {token: both ? tokens.length - 1 : focus, written: focus, encoder: {layer: 0, head: 0}, row: Math.max(0, lens.length - 1), layer: layers.length - 1, head: 0, step: 0, sink: true};
  const select = (changes) => looking.select(at, changes);

  const word = (one) => one.label ?? one.text ?? String(one.id);
  // ---- the frame ------------------------------------------------------------------------------------------------------
  const spine = el("nav", {class: "spine", "aria-label": "Stages"}), story = el("div", {class: "stages"});
  const sections = [];
  function section(id, title, summary, ...children) {
    const made = el("section", {class: "panel stage", id, tabindex: "-1", "aria-labelledby": id + "-title"},
                    el("h2", {id: id + "-title"}, title, el("span", {class: "muted", text: summary})), ...children);
    const link = el("a", {href: "#" + id, text: title});
    spine.append(link);
    story.append(made);
    sections.push({made, link});
  }
  // The likeliest, with bars.
  function likely(list, chosen) {
    const body = el("tbody");
    for (const one of list)
      body.append(el("tr", {"data-chosen": String(one.id === chosen)}, el("td", {}, token(word(one))),
                     el("td", {class: "number", text: percent(one.probability)}),
                     el("td", {class: "bar-cell"}, width(el("div", {class: "fill"}), one.probability)),
                     el("td", {class: "number muted", text: number(one.logit, 2), title: "logit"})));
    return el("table", {class: "likely"}, el("thead", {class: "hidden"}, el("tr", {}, ...["token", "probability", "", "logit"].map((text) => el("th", {text})))), body);
  }

  // ---- text to tokens -------------------------------------------------------------------------------------------------
  if (stage.text) section("text", "Text", many(stage.text.characters, "character") + ", " + many(stage.text.bytes, "byte"), el("div", {class: "text", text: stage.text.text}));
  if (stage.normalize)
    section("normalize", "Normalised", stage.normalize.changed ? "changed" : "as it was", el("div", {class: "text mono", text: visible(stage.normalize.text)}),
            why("Normalisers rewrite the text before it is cut: they may lower-case it, compose or strip accents, or mark where words begin."));
  if (stage.pre_tokenize)
    section("pre_tokenize", "Pre-tokens", many(stage.pre_tokenize.pieces.length, "piece") + "; no token spans two",
            el("div", {class: "chips"}, ...stage.pre_tokenize.pieces.map((piece) => token(piece.text, {title: `characters ${piece.begin} to ${piece.end}`}))));

  const chips = tokens.map((one, i) => el("button", {type: "button", class: "chip", on: {click: () => select({token: i})}}, token(word(one)), el("small", {text: String(one.id)})));
  shown.push(() => chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(i === at.token))));
  section("tokenize", "Tokens", many(tokens.length, "token") + (both ? "; choose one" : "; choose one with ← and →"), el("div", {class: "chips"}, ...chips), live(() => {
    const one = tokens[at.token];
    const pairs = [["position", String(at.token)], ["id", String(one.id)]];
    if (one.token !== undefined) pairs.push(["in the vocabulary", token(one.token)]);
    if (one.begin !== undefined) pairs.push(["in the text", one.special ? "added by the tokenizer" : `characters ${one.begin} to ${one.end}`]);
    return [facts(pairs)];
  }));

  section("embed", "Embedding", "each id becomes a vector", live(() => [facts(stage.embed.values.map((value) => ["|" + value.name.replace("_", " ") + "|", number(value.norms[at.token], 3)]))]),
          el("p", {class: "muted", text: {rotary: "Positions are not added here: they turn queries and keys in every layer (rotary embedding).", relative: "Positions are not added here: the distance of query and key is a bias of the attention scores.", recurrent: "Positions are not added here: the order of reading tells them.", added: "Positions are in the sum."}[stage.embed.positions]}),
          why("The id picks a row of a table. The numbers are lengths of these vectors (L2 norms) for the token chosen above."));

  // ---- where heads look ------------------------------------------------------------------------------------------------
  // Where a head looks most: without the first token, of what remains.
  function most(head) {
    let best = at.sink ? 0 : Math.min(1, head.weights.length - 1);
    for (let j = best; j < head.weights.length; ++j) if (head.weights[j] > head.weights[best]) best = j;
    return best;
  }
  // A cell for each head of these layers: `of(layer)` are its heads, `place` is {layer, head} of what is selected, `from` looks.
  function heads_grid(list, of, place, change) {
    const cells = [];
    const count = Math.max(...list.map((layer) => of(layer).length));
    const rows = list.map((layer, l) => el("tr", {}, el("th", {scope: "row", text: "layer " + layer.layer}), ...of(layer).map((head, h) => {
      const button = el("button", {type: "button", tabindex: "-1", on: {click: () => select(change(l, h))}});
      cells.push({button, head, l, h});
      return el("td", {}, button);
    })));
    const draw = () => {
      const {layer, head: chosen} = place();
      for (const {button, head, l, h} of cells) {
        const j = most(head);
        button.textContent = visible(word(tokens[j]));
        button.title = `layer ${list[l].layer}, head ${h}: ${percent(head.weights[j])} at position ${j}`;
        button.setAttribute("aria-pressed", String(l === layer && h === chosen));
        paint(button, head.weights[j]);
      }
    };
    shown.push(draw);
    onTheme(draw);
    return el("div", {class: "scroll"}, el("table", {class: "grid"}, el("thead", {}, el("tr", {}, el("td"), ...Array.from({length: count}, (_, h) => el("th", {scope: "col", text: String(h)})))), el("tbody", {}, ...rows)));
  }
  function heads_section(id, title, summary, list, of, place, change, reason) {
    if (!list.some((layer) => of(layer).length)) return;
    const sink = el("button", {type: "button", text: "Without the first token", on: {click: () => select({sink: !at.sink})}});
    shown.push(() => sink.setAttribute("aria-pressed", String(!at.sink)));
    section(id, title, summary, el("div", {class: "bar"}, sink), heads_grid(list, of, place, change), live(() => {
      const {layer, head: number_of} = place(), head = of(list[layer])[number_of];
      const strip = head.weights.map((weight, j) => {
        const chip = el("span", {class: "chip token", title: "position " + j}, visible(word(tokens[j])), el("small", {text: percent(weight)}));
        paint(chip, weight);
        return chip;
      });
      return [el("p", {}, `Layer ${list[layer].layer}, head ${number_of}: entropy ${number(head.entropy, 3)} nats here, ${number(head.mean_entropy, 3)} over all tokens.`), el("div", {class: "chips"}, ...strip)];
    }), why(reason));
  }
  const sinks = " Many heads look at the first token when there is nothing for them to do; the button leaves it out of what is shown as the most.";
  // ---- the encoder of an encoder-decoder ------------------------------------------------------------------------------
  if (both) {
    section("encoder", "Encoder", recurrent ? "it reads the source forwards and backwards" : many(stage.encoder.layers.length, "layer") + " over the whole source", live(() => [facts([["|embedding|", number(stage.embed.values.at(-1).norms[at.token], 3)], ...stage.encoder.layers.map((layer) => ["|" + layer.value + "|", number(layer.norms[at.token], 3)])])]),
            why(recurrent ? "At each token the encoder's states hold what it read up to there, from the left and from the right; together they are what the decoder looks at. The numbers are their lengths at the token chosen above."
              : "The encoder reads all tokens at once; what it makes of them is what the decoder looks at. The numbers are the lengths of its residual at the token chosen above."));
    heads_section("encoder_attention", "Its attention", "where each head looks most from ‹" + visible(word(tokens.at(-1))) + "›, its last token", stage.encoder.layers, (layer) => layer.heads, () => at.encoder,
                  (layer, head) => ({encoder: {layer, head}}), "A head mixes the values of all tokens by these weights, which add up to 1." + sinks);
  }

  // ---- layers ---------------------------------------------------------------------------------------------------------
  const cursor = both ? "written" : "token";              // of the tokens that these layers read
  function lens_grid() {
    const everywhere = lens.every((one) => one.said);
    const columns = everywhere ? written.map((_, i) => i) : [focus];
    const cells = [];
    const head = columns.map((i) => el("th", {scope: "col"}, token(word(written[i]))));
    const rows = lens.map((one, r) => el("tr", {}, el("th", {scope: "row", text: r === 0 && lens.length > layers.length ? "embedding" : "layer " + (r - (lens.length - layers.length))}),
      ...columns.map((i) => {
        const says = everywhere ? one.said[i] : one.says[0];
        const button = el("button", {type: "button", tabindex: "-1", title: percent(says.probability), text: visible(word(says)), on: {click: () => select({[cursor]: i, row: r, layer: Math.max(0, r - (lens.length - layers.length))})}});
        cells.push({button, p: says.probability, i, r});
        return el("td", {}, button);
      })));
    const draw = () => {
      for (const {button, i, r} of cells) button.setAttribute("aria-pressed", String(i === at[cursor] && r === at.row));
      head.forEach((th, k) => th.setAttribute("data-on", String(columns[k] === at[cursor])));
    };
    shown.push(draw);
    onTheme(() => { for (const {button, p} of cells) paint(button, p); });
    return el("div", {class: "scroll"}, el("table", {class: "grid"}, el("thead", {}, el("tr", {}, el("td"), ...head)), el("tbody", {}, ...rows)));
  }
  const has_lens = lens.length > 0;
  section("layers", both ? "Decoder" : "Layers", has_lens ? "what the model would say after each token" + (recurrent ? "" : " if it stopped there") : `the ${stream}'s length`, ...(has_lens ? [lens_grid()] : []), live(() => {
    const offset = lens.length - layers.length, layer = layers[has_lens ? at.row - offset : at.layer];
    const norms = layer ? layer.norms : (both ? stage.layers.embeddings : stage.embed.values).at(-1).norms;
    const pairs = [["after", layer ? layer.value : lens[at.row].value], [`the ${stream}'s length`, number(norms[at[cursor]], 3)]];
    if (layer && !recurrent && at[cursor] === focus) pairs.push(["attention added", number(layer.attention_norm, 3)], ["feed-forward added", number(layer.mlp_norm, 3)]);
    const parts = [facts(pairs)];
    if (has_lens) {
      const one = lens[at.row];
      parts.push(at[cursor] === focus || !one.said ? likely(one.says) : likely([one.said[at[cursor]]]));
    }
    return [el("div", {class: "two"}, ...parts)];
  }), why(recurrent ? "The state holds what was read so far. What is said at a token follows from the state before it, the token, and what its alignment found in the source." : "Every layer adds to the residual, a vector for each token. The lens takes all that stands behind the last layer, a norm and the output layer, and applies it earlier: after the last layer it is the model's answer itself. What an early layer seems to say is a direction, not a thought."));

  // ---- attention ------------------------------------------------------------------------------------------------------
  const main_heads = (layer) => (both ? layer.cross_heads || [] : layer.heads);
  // A row for each token of the target, a column for each of the source.
  function alignment_grid(rows) {
    const cells = [];
    const body = rows.map((one, i) => el("tr", {}, el("th", {scope: "row"}, token(word(written[i]))), ...one.weights.map((weight, j) => {
      const button = el("button", {type: "button", tabindex: "-1", title: `${percent(weight)} at position ${j}`, text: String(Math.round(100 * weight)), on: {click: () => select({written: i})}});
      cells.push({button, weight, i, most: j === one.looks_at});
      return el("td", {}, button);
    })));
    const draw = () => {
      for (const {button, weight, i, most} of cells) {
        button.setAttribute("aria-pressed", String(most && i === at.written));
        paint(button, weight);
      }
    };
    shown.push(draw);
    onTheme(draw);
    return el("div", {class: "scroll"}, el("table", {class: "grid"}, el("thead", {}, el("tr", {}, el("td"), ...tokens.map((one) => el("th", {scope: "col"}, token(word(one)))))), el("tbody", {}, ...body)));
  }
  const aligned = layers.find((layer) => layer.alignment);
  if (aligned)
    section("attention", "Alignment", "where the decoder looks in the source at each token, in percent", alignment_grid(aligned.alignment), live(() => {
      const look = aligned.alignment[at.written];
      return [el("p", {}, "At ", token(word(written[at.written])), " it looks at ", token(word(tokens[look.looks_at])), ` with ${percent(look.weight)}; entropy ${number(look.entropy, 3)} nats.`)];
    }), why("The state before a token asks all that the encoder read; the answer is the mean of it by these weights, which add up to 1 in each row."));
  else heads_section("attention", both ? "Cross-attention" : "Attention", "where each head looks most from ‹" + visible(word(written[focus])) + "›, at position " + focus, layers, main_heads,
                () => at, (layer, head) => ({layer, head}), both ? "A head of the decoder mixes what the encoder made of the source by these weights, which add up to 1." : "A head mixes the values of the tokens it may see by these weights, which add up to 1." + sinks);

  // ---- logits to a token ----------------------------------------------------------------------------------------------
  if (stage.logits)
    section("logits", "Logits", `the likeliest; entropy ${number(stage.logits.entropy, 3)} nats`, likely(stage.logits.top, steps.length ? steps[0].chosen.id : undefined),
            ...(steps.length ? [el("p", {class: "muted", text: stage.logits.inspected_difference === 0 ? "Seen here and in generate: the same bits." : "Differs from generate by " + stage.logits.inspected_difference + "."})] : []));

  // How one token was chosen.
  function choice(one) {
    const parts = [];
    if (one.steps.length) {
      const rows = one.steps.map((s) => el("tr", {},
        el("td", {class: "mono", text: Object.entries(s.settings).map(([name, value]) => name + " " + value).join(", ")}),
        el("td", {text: [s.changed ? "changed " + many(s.changed, "logit") : "", s.removed ? "removed " + many(s.removed, "token") : ""].filter(Boolean).join(", ") || "changed nothing"}),
        el("td", {class: "gone"}, ...s.removed_top.slice(0, 4).map((one) => token(word(one), {title: percent(one.probability)})), s.removed > 4 ? " …" : ""),
        el("td", {}, el("div", {class: "share", title: "probability removed"}, width(el("div"), s.removed_probability))),
        el("td", {class: "number", text: s.removed ? percent(s.removed_probability) : ""}),
        el("td", {class: "number", text: many(s.left, "token") + " left"})));
      parts.push(el("div", {class: "scroll"}, el("table", {class: "chain"}, el("tbody", {}, ...rows))));
    }
    if (one.random !== null) {
      const won = el("div", {class: "won"}), mark = el("div", {class: "at"});
      won.style.left = 100 * one.share[0] + "%";
      width(won, one.share[1] - one.share[0]);
      mark.style.left = 100 * one.random + "%";
      parts.push(el("div", {class: "draw", role: "img", "aria-label": `${one.random} falls between ${one.share[0]} and ${one.share[1]}`}, el("div", {class: "line"}, won), mark),
                 el("p", {}, "The random number ", el("b", {text: number(one.random, 6)}), ` falls into ${number(one.share[0], 6)} to ${number(one.share[1], 6)}, the share of `, token(word(one.chosen)), "."));
    } else {
      parts.push(el("p", {text: "Greedy: the likeliest is taken."}));
    }
    parts.push(el("p", {}, "Chosen: ", token(word(one.chosen)), ` with ${percent(one.chosen.probability)}` + (one.steps.length ? `; the model's own distribution gave it ${percent(one.chosen.raw_probability)}, rank ${one.chosen.raw_rank + 1}.` : ".")));
    const after = one.steps.length ? one.steps.at(-1).top : one.top;
    const columns = [el("div", {}, el("h3", {class: "muted", text: "The model's own distribution"}), likely(one.top, one.chosen.id))];
    if (one.steps.length) columns.push(el("div", {}, el("h3", {class: "muted", text: "What was drawn from"}), likely(after.slice(0, one.top.length), one.chosen.id)));
    parts.push(el("div", {class: "two"}, ...columns));
    return parts;
  }
  if (stage.sample)
    section("sample", "Choosing", stage.sample.greedy ? "greedily" : "by chance", ...choice(stage.sample),
            why("Each step of the chain changes logits or removes candidates. The random number is a function of the seed, the sequence and the position alone, so the same call draws the same token on any machine."));
  if (steps.length) {
    const next = stage.continue.next;
    section("next", "The next step", next ? "" : "there is none", el("p", {}, ...(next ? ["It reads ", token(word(next)), ` at position ${next.position}, beside the ${recurrent ? "state that was kept" : "keys and values kept of all before it"}, and the walk begins again at the embedding.`]
      : ["‹" + visible(word(steps[0].chosen)) + "› ends the text."])));
  }
  if (steps.length > 1) {
    const made = steps.map((one, i) => {
      const chip = el("button", {type: "button", class: "chip", on: {click: () => select({step: i})}}, visible(word(one.chosen)), el("small", {text: percent(one.chosen.probability)}));
      return chip;
    });
    const draw = () => made.forEach((chip, i) => {
      chip.setAttribute("aria-pressed", String(i === at.step));
      if (i === at.step) chip.style.backgroundColor = chip.style.color = "";
      else paint(chip, steps[i].chosen.probability);
    });
    shown.push(draw);
    onTheme(draw);
    section("continue", "And on", many(steps.length, "token") + "; " + (stage.continue.finish_reason === "stop" ? "the text ended" : "no more were asked for"),
            el("p", {class: "text"}, el("span", {class: "muted", text: stage.text && !both ? stage.text.text : ""}), stage.continue.text), el("div", {class: "chips"}, ...made), live(() => choice(steps[at.step])));
  }

  // ---- moving about ---------------------------------------------------------------------------------------------------
  main.append(el("div", {class: "story"}, spine, story));
  about.textContent = `${data.model} (${data.model_type}): ` + (both && !recurrent ? stage.encoder.layers.length + " + " : "") + many(layers.length, "layer") + "; every number is the engine's own";
  let current = 0;
  function mark(number) {
    current = number;
    sections.forEach(({link}, i) => link.setAttribute("aria-current", String(i === number)));
  }
  function go(by) {
    mark(clamp(current + by, sections.length));
    sections[current].made.focus({preventScroll: true});
    sections[current].made.scrollIntoView();
  }
  const visible_now = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
      const i = sections.findIndex(({made}) => made === target);
      if (isIntersecting) visible_now.add(i);
      else visible_now.delete(i);
    }
    if (visible_now.size && !visible_now.has(current)) mark(Math.min(...visible_now));
  }, {rootMargin: "0px 0px -60% 0px"});
  sections.forEach(({made}) => watcher.observe(made));
  mark(0);
  keys({
    k: ["stage before", () => go(-1)], j: ["next", () => go(1)],
    ArrowLeft: ["token before", () => select({[cursor]: clamp(at[cursor] - 1, written.length)})], ArrowRight: ["next", () => select({[cursor]: clamp(at[cursor] + 1, written.length)})],
    ArrowUp: ["layer before", () => select({row: clamp(at.row - 1, lens.length), layer: clamp(at.layer - 1, layers.length)})],
    ArrowDown: ["next", () => select({row: clamp(at.row + 1, lens.length), layer: clamp(at.layer + 1, layers.length)})],
    "[": ["head before", () => select({head: clamp(at.head - 1, main_heads(layers[at.layer]).length || 1)})], "]": ["next", () => select({head: clamp(at.head + 1, main_heads(layers[at.layer]).length || 1)})],
    p: ["chosen token before", () => select({step: clamp(at.step - 1, steps.length)})], n: ["next", () => select({step: clamp(at.step + 1, steps.length)})],
    s: ["first token in or out", () => select({sink: !at.sink})],
  });
  select({});
})();
