// The page of attention patterns. `shell.data` is what `orrery inspect attention --json` prints, and the weights.
"use strict";

(() => {
  const {data, main, about, el, token, visible, number, theme, onTheme, ramp, keys} = shell;
  const {percent, many, clamp, paint, width} = looking;
  const TITLES = {pattern: data.sides.source ? "Decoder" : "Attention", cross_pattern: "Decoder → source", encoder_pattern: "Encoder"};
  const FLOOR = 4;   // a log scale shows 10^-FLOOR and less as nothing
  const THUMB = 72;  // most pixels of a thumbnail's side
  const LARGEST = 46, SMALLEST = 2, LEGIBLE = 9, SPACED = 12;   // a cell's side in the large map: at most, at least, with labels from, with gaps from
  const KEPT = 64;   // matrices

  // Weights as they are packed: row after row, of a causal stack without the keys after each query.
  function packed(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; ++i) bytes[i] = raw.charCodeAt(i);
    return data.weight_bytes === 4 ? new Float32Array(bytes.buffer) : data.weight_bytes === 2 ? new Uint16Array(bytes.buffer) : bytes;
  }
  const weight_of = {4: (x) => x, 2: (x) => (x / 65535) ** 2, 1: (x) => (x / 255) ** 2}[data.weight_bytes];
  // [queries, keys] of one head.
  function unpacked(stack, layer, head) {
    const {query_count, key_count, causal, held} = stack, all = new Float32Array(query_count * key_count);
    let from = (layer * stack.heads + head) * (causal ? query_count * (query_count + 1) / 2 : query_count * key_count);
    for (let query = 0; query < query_count; ++query)
      for (let key = 0; key < (causal ? query + 1 : key_count); ++key) all[query * key_count + key] = weight_of(held[from++]);
    return all;
  }
  const stacks = data.stacks.map((stack) => {
    const [queries, keys] = [data.sides[stack.queries], data.sides[stack.keys]], own = stack.queries === stack.keys;
    const sink = keys.special.map((special, key) => special === 1 || (stack.causal && key === 0));
    return {...stack, own, held: packed(stack.weights), queries: queries.texts, keys: keys.texts, written: queries.written ?? [], sink, has_sink: sink.includes(true), kept: new Map(),
            single: stack.layers * stack.heads === 1, columns: stack.heads + (stack.heads > 1 ? 1 : 0), rows: stack.layers + (stack.layers > 1 ? 1 : 0)};
  });
  for (const stack of data.stacks) delete stack.weights;

  // What is selected. Past its last `head` is the mean of a layer's heads, past its last `layer` that over the layers. `token` is a query, or
  // seen from the keys a key.
  const at = {stack: 0, layer: 0, head: 0, token: 0, from_keys: false, no_sink: false, log: false};
  let hovered = null;
  const here = () => stacks[at.stack];
  const mine = () => (at.from_keys ? here().keys : here().queries);
  const theirs = () => (at.from_keys ? here().queries : here().keys);

  // The weights of a head or a mean: [queries, keys]; without the sink, rows add up to 1 again, or are empty.
  function matrix(layer, head) {
    const stack = here(), size = stack.query_count * stack.key_count, name = [layer, head, at.no_sink].join();
    if (stack.kept.has(name)) return stack.kept.get(name);
    const range = (one, count) => (one < count ? [one] : Array.from({length: count}, (_, i) => i));
    const parts = range(layer, stack.layers).flatMap((l) => range(head, stack.heads).map((h) => [l, h]));
    let made = parts.length === 1 ? unpacked(stack, ...parts[0]) : new Float32Array(size);
    if (parts.length > 1)
      for (const part of parts) {
        const one = unpacked(stack, ...part);
        for (let i = 0; i < size; ++i) made[i] += one[i] / parts.length;
      }
    if (at.no_sink)
      for (let query = 0; query < stack.query_count; ++query) {
        const row = made.subarray(query * stack.key_count, (query + 1) * stack.key_count);
        let sum = 0;
        for (let key = 0; key < row.length; ++key) { if (stack.sink[key]) row[key] = 0; sum += row[key]; }
        if (sum > 0) for (let key = 0; key < row.length; ++key) row[key] /= sum;
      }
    if (stack.kept.size >= KEPT) stack.kept.clear();
    stack.kept.set(name, made);
    return made;
  }
  const shade = (p) => (at.log ? (p <= 0 ? 0 : Math.max(0, 1 + Math.log10(p) / FLOOR)) : p);
  const name_of = (layer, head) => {
    const {layers, heads, single} = here();
    if (single) return "The only head";
    if (layer < layers) return head < heads ? `Layer ${layer}, head ${head}` : `Layer ${layer}, mean of its heads`;
    return head < heads ? `Head ${head}, mean over the layers` : "Mean of all layers and heads";
  };

  // Draws a matrix into a canvas of `wide` x `high` pixels; where a pixel stands for several weights it shows the largest.
  function draw_pixels(canvas, weights, queries, columns, wide, high) {
    canvas.width = wide;
    canvas.height = high;
    const context = canvas.getContext("2d"), image = context.createImageData(wide, high);
    for (let y = 0; y < high; ++y)
      for (let x = 0; x < wide; ++x) {
        const top = Math.floor(y * queries / high), bottom = Math.max(top + 1, Math.floor((y + 1) * queries / high));
        const left = Math.floor(x * columns / wide), right = Math.max(left + 1, Math.floor((x + 1) * columns / wide));
        let most = 0;
        for (let query = top; query < bottom; ++query)
          for (let key = left; key < right; ++key) most = Math.max(most, weights[query * columns + key]);
        const [r, g, b] = ramp(shade(most));
        image.data.set([r, g, b, 255], (y * wide + x) * 4);
      }
    context.putImageData(image, 0, 0);
  }

  // The switches above everything.
  const toggle = (id, text, title, flip) => el("button", {type: "button", id, title, "aria-pressed": "false", on: {click: flip}}, text);
  const set = (changes) => { Object.assign(at, changes); draw(); };
  const flip_sink = () => { if (here().has_sink) set({no_sink: !at.no_sink}); };
  const flip_log = () => set({log: !at.log});
  const flip_side = () => { at.from_keys = !at.from_keys; set({token: clamp(at.token, mine().length)}); };
  let before_mean = {layer: 0, head: 0};
  const next_mean = () => {
    const {layers, heads} = here(), of_heads = at.head === heads, of_layers = at.layer === layers;
    if (!of_heads && !of_layers) before_mean = {layer: at.layer, head: at.head};
    if (heads > 1 && !of_heads) set({head: heads});
    else if (layers > 1 && !of_layers) set({layer: layers});
    else set(before_mean);
  };
  const sink_button = toggle("sink", "Hide sink", "leave out the first token and special ones, and let the rest add up to 1 (h)", flip_sink);
  const log_button = toggle("log", "Log scale", "show small weights too (l)", flip_log);
  const mean_button = toggle("mean", "Mean", "the mean of the layer's heads, then of all layers too (a)", next_mean);
  const side_button = toggle("side", "", "weights that the token gives, or gets (r)", flip_side);
  const stack_buttons = stacks.map((stack, i) => toggle("stack-" + i, TITLES[stack.name] ?? stack.name, "which attention (s)", () => choose_stack(i)));
  const legend = el("canvas", {class: "scale", width: "128", height: "1", role: "img", "aria-label": "colours from no weight to all of it"}), low = el("span", {}), high = el("span", {text: "1"});
  main.append(el("div", {class: "bar switches"}, ...(stacks.length > 1 ? [el("div", {class: "bar choices"}, ...stack_buttons)] : []), mean_button, sink_button, log_button, side_button,
                 el("span", {class: "legend muted"}, low, legend, high)));

  const grid = el("div", {class: "scroll"}), title = el("h2", {}), facts = el("dl", {class: "facts"});
  const map = el("canvas", {class: "map", role: "img"}), marks = el("canvas", {class: "marks", "aria-hidden": "true"}), plot_box = el("div", {class: "scroll plot"}, map, marks);
  const readout = el("p", {class: "readout", id: "readout", "aria-live": "polite"});
  const rail_title = el("h2", {}), rail = el("div", {class: "chips rail"}), others = el("div", {class: "chips rail"}), top = el("tbody", {});
  const looks = el("div", {class: "looks"},
    el("section", {class: "panel", id: "grid"}, el("h2", {}, "Every head", el("span", {class: "muted", text: "layers down, heads across"})), grid),
    el("section", {class: "panel", id: "head"}, title, facts, readout, plot_box),
    el("section", {class: "panel", id: "text"}, rail_title, rail, others, el("table", {class: "top"}, el("caption", {class: "hidden", text: "the largest weights"}), top)));
  main.append(looks);

  // The grid of thumbnails: a row a layer, a column a head; means at the ends.
  let thumbs = [];
  function build_grid() {
    const {layers, heads, columns, rows} = here();
    thumbs = [];
    const thumb = (layer, head) => {
      const canvas = el("canvas", {"aria-hidden": "true"});
      const button = el("button", {type: "button", class: "thumb", "aria-label": name_of(layer, head), title: name_of(layer, head), on: {click: () => set({layer, head})}}, canvas);
      thumbs.push({button, canvas, layer, head});
      return el("td", {}, button);
    };
    const counted = (count, one) => Array.from({length: count}, (_, i) => one(i));
    const body = counted(rows, (layer) => el("tr", {}, el("th", {scope: "row", text: layer === layers ? "mean" : String(layer)}), ...counted(columns, (head) => thumb(layer, head))));
    const words = counted(columns, (head) => el("th", {scope: "col", text: head === heads ? "mean" : String(head)}));
    grid.replaceChildren(el("table", {class: "thumbs"}, el("thead", {}, el("tr", {}, el("td", {}), ...words)), el("tbody", {}, ...body)));
    looks.dataset.single = String(here().single);
  }
  const fit_grid = () => grid.style.setProperty("--thumb", Math.max(26, Math.min(THUMB, Math.floor((grid.clientWidth - 48) / here().columns) - 4)) + "px");
  function draw_grid() {
    const stack = here(), wide = Math.min(THUMB, stack.key_count), high = Math.min(THUMB, stack.query_count);
    for (const {canvas, layer, head} of thumbs) draw_pixels(canvas, matrix(layer, head), stack.query_count, stack.key_count, wide, high);
  }

  // The large map: its place on the canvas, in CSS pixels.
  let plot = {};
  const cells = document.createElement("canvas");
  function short(text, most = 14) {
    const shown = Array.from(visible(text));
    return shown.length > most ? shown.slice(0, most - 1).join("") + "…" : shown.join("");
  }
  // A query of cross-attention is told by what the decoder reads and what it writes next.
  const label_of = (stack, query) => (stack.own || stack.written[query] === undefined ? short(stack.queries[query]) : short(stack.queries[query], 10) + " → " + short(stack.written[query], 10));
  function draw_map() {
    const stack = here(), style = getComputedStyle(document.documentElement), context = map.getContext("2d"), mono = style.getPropertyValue("--mono");
    const row_texts = stack.queries.map((_, query) => label_of(stack, query)), column_texts = stack.keys.map((text) => short(text));
    const longest = (texts, font) => { context.font = font; return Math.max(...texts.map((text) => context.measureText(text).width)); };
    const laid = (font, labelled) => ({font, labelled, left: (labelled ? longest(row_texts, font) : 26) + 12, above: (labelled ? longest(column_texts, font) * 0.72 : 8) + 18, beyond: labelled ? longest(column_texts.slice(-3), font) * 0.72 + 4 : 8});
    const sized = (made) => ({...made, size: Math.max(SMALLEST, Math.min(LARGEST, Math.floor((plot_box.clientWidth - made.left - made.beyond) / stack.key_count)))});
    plot = sized(laid("13px " + mono, true));
    if (plot.size < 14) plot = sized(laid(Math.max(LEGIBLE, plot.size) + "px " + mono, true));
    if (plot.size < LEGIBLE) plot = sized(laid("11px " + mono, false));
    Object.assign(plot, {row_texts, column_texts, wide: plot.left + stack.key_count * plot.size + plot.beyond, high: plot.above + stack.query_count * plot.size + 3});
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    for (const canvas of [map, marks]) {
      canvas.width = Math.ceil(plot.wide * ratio);
      canvas.height = Math.ceil(plot.high * ratio);
      canvas.style.width = plot.wide + "px";
      canvas.style.height = plot.high + "px";
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const {size, left, above} = plot, wide = stack.key_count * size, high = stack.query_count * size;
    draw_pixels(cells, matrix(at.layer, at.head), stack.query_count, stack.key_count, stack.key_count, stack.query_count);
    context.imageSmoothingEnabled = false;
    context.drawImage(cells, left, above, wide, high);
    context.fillStyle = style.getPropertyValue("--panel");
    if (size >= SPACED) {
      for (let key = 1; key < stack.key_count; ++key) context.fillRect(left + key * size - 1, above, 1, high);
      for (let query = 1; query < stack.query_count; ++query) context.fillRect(left, above + query * size - 1, wide, 1);
    }
    context.strokeStyle = style.getPropertyValue("--line");
    context.strokeRect(left - 0.5, above - 0.5, wide + 1, high + 1);
    map.setAttribute("aria-label", name_of(at.layer, at.head) + ": a row for each token that looks, a column for each that is looked at; the list of the text tells the weights of one");
    draw_labels();
  }
  function draw_labels() {
    const stack = here(), context = marks.getContext("2d"), style = getComputedStyle(document.documentElement);
    const {size, left, above, labelled, font, row_texts, column_texts} = plot, spot = hovered ?? focus();
    const [text, muted, accent] = ["--text", "--muted", "--accent"].map((name) => style.getPropertyValue(name));
    context.clearRect(0, 0, plot.wide, plot.high);
    context.font = font;
    context.textBaseline = "middle";
    const write = (words, x, y, angle, lit, align) => {
      context.save();
      context.translate(x, y);
      context.rotate(angle);
      context.textAlign = align;
      context.fillStyle = lit ? accent : muted;
      context.fillText(words, 0, 0);
      context.restore();
    };
    if (labelled) {
      row_texts.forEach((words, query) => write(words, left - 8, above + (query + 0.5) * size, 0, query === spot.query, "end"));
      column_texts.forEach((words, key) => write(words, left + (key + 0.5) * size, above - 8, -Math.PI / 4, key === spot.key, "start"));
    } else {
      const step = [10, 20, 50, 100, 200, 500].find((one) => one * size >= 40) ?? 1000;
      for (let query = 0; query < stack.query_count; query += step) write(String(query), left - 6, above + (query + 0.5) * size, 0, false, "end");
      for (let key = 0; key < stack.key_count; key += step) write(String(key), left + (key + 0.5) * size, above - 10, 0, false, "center");
    }
    context.strokeStyle = accent;
    context.lineWidth = 1.5;
    if (spot.query !== null) context.strokeRect(left - 1, above + spot.query * size - 1, stack.key_count * size + 1, size + 1);
    if (spot.key !== null) context.strokeRect(left + spot.key * size - 1, above - 1, size + 1, stack.query_count * size + 1);
    if (hovered) { context.strokeStyle = text; context.strokeRect(left + spot.key * size - 1, above + spot.query * size - 1, size + 1, size + 1); }
  }
  const focus = () => (at.from_keys ? {query: null, key: at.token} : {query: at.token, key: null});
  // The other ends of a token's looks, with their weights.
  function ends_of(place) {
    const stack = here(), weights = matrix(at.layer, at.head);
    if (at.from_keys) return stack.queries.map((_, query) => weights[query * stack.key_count + place]);
    return Array.from(weights.subarray(place * stack.key_count, (place + 1) * stack.key_count));
  }

  // The text: each token as dark or light as its weight; below, the largest ones.
  function build_rails() {
    const chip = (text, i, choose) => el(choose ? "button" : "span", {...(choose ? {type: "button"} : {}), class: "chip", title: "token " + i,
      on: choose ? {click: () => { hovered = null; set({token: i}); }, mouseenter: () => draw_text(i), mouseleave: () => draw_text(at.token)} : {}}, token(text));
    rail.replaceChildren(...mine().map((text, i) => chip(text, i, true)));
    others.replaceChildren(...(here().own ? [] : theirs().map((text, i) => chip(text, i, false))));
  }
  function draw_text(place) {
    const stack = here(), ends = ends_of(place), most = at.from_keys ? Math.max(1e-9, ...ends) : 1;
    Array.from(rail.children).forEach((chip, i) => {
      chip.setAttribute("aria-pressed", String(i === place));
      chip.tabIndex = i === at.token ? 0 : -1;
      if (stack.own) paint(chip, shade(ends[i]));
    });
    Array.from(others.children).forEach((chip, i) => paint(chip, shade(ends[i])));
    const chosen = rail.children[place], lowest = chosen.offsetTop + chosen.offsetHeight + 6 - rail.clientHeight;
    if (place === at.token) rail.scrollTop = Math.min(chosen.offsetTop - 6, Math.max(lowest, rail.scrollTop));
    const writes = !at.from_keys && stack.written[place] !== undefined ? [el("span", {class: "muted"}, "it writes ", token(stack.written[place]), " next")] : [];
    rail_title.replaceChildren(...(at.from_keys ? ["Who looks at ", token(mine()[place]), "?"] : ["Where does ", token(mine()[place]), " look?"]), ...writes);
    const order = ends.map((_, i) => i).filter((i) => ends[i] > 0).sort((a, b) => ends[b] - ends[a]).slice(0, 8);
    top.replaceChildren(...order.map((i) => el("tr", {}, el("td", {class: "number muted", text: String(i)}), el("td", {}, token(theirs()[i])), el("td", {class: "number", text: number(ends[i])}),
      el("td", {class: "share"}, width(el("div", {class: "fill"}), ends[i] / most)))));
    if (order.length === 0) top.append(el("tr", {}, el("td", {class: "muted", text: at.from_keys ? "No token." : "Nowhere else: all its weight is on what is hidden."})));
  }
  function tell(spot) {
    const stack = here();
    if (!spot) return readout.replaceChildren(el("span", {class: "muted", text: "Point at a cell for its weight: the row looks at the column. Click it to keep the row."}));
    const weight = matrix(at.layer, at.head)[spot.query * stack.key_count + spot.key];
    const writes = stack.written[spot.query] === undefined ? [] : [el("span", {class: "muted", text: ", before it writes "}), token(stack.written[spot.query])];
    readout.replaceChildren(token(stack.queries[spot.query]), el("span", {class: "muted", text: ` ${spot.query} looks at `}), token(stack.keys[spot.key]), el("span", {class: "muted", text: ` ${spot.key}: `}), el("b", {text: number(weight)}), ...writes);
  }
  function spot_of(event) {
    const box = marks.getBoundingClientRect(), stack = here();
    const key = Math.floor((event.clientX - box.left - plot.left) / plot.size), query = Math.floor((event.clientY - box.top - plot.above) / plot.size);
    return key >= 0 && key < stack.key_count && query >= 0 && query < stack.query_count ? {query, key} : null;
  }
  marks.addEventListener("mousemove", (event) => { hovered = spot_of(event); draw_labels(); tell(hovered); });
  marks.addEventListener("mouseleave", () => { hovered = null; draw_labels(); tell(null); });
  marks.addEventListener("click", (event) => { const spot = spot_of(event); if (spot) set({token: at.from_keys ? spot.key : spot.query}); });

  function draw_facts() {
    const stack = here(), {layers, heads} = stack, of = stack.summary.filter((one) => (at.layer === layers || one.layer === at.layer) && (at.head === heads || one.head === at.head));
    title.replaceChildren(name_of(at.layer, at.head), ...(at.no_sink ? [el("span", {class: "muted", text: "as if the sink were not there"})] : []));
    const mean = (fact) => of.reduce((sum, one) => sum + one[fact], 0) / of.length, one = of[0].strongest;
    const pairs = [["entropy", `${number(mean("entropy"), 3)} nats, ${percent(mean("entropy_share"))} of the most`], ["first token", percent(mean("first"))], ...(stack.own ? [["mean distance", number(mean("distance"), 2)]] : []),
      of.length > 1 ? ["mean of", many(of.length, "head")] : ["strongest", el("span", {}, token(stack.queries[one.query]), " → ", token(stack.keys[one.key]), " " + percent(one.weight))]];
    facts.replaceChildren(...pairs.map(([term, value]) => el("div", {}, el("dt", {text: term}), el("dd", {}, value))));
  }

  let built = {};   // for which stack, side, switches and theme the slow parts stand
  function draw() {
    const stack = here(), structure = [at.stack, at.from_keys].join(), pictures = [at.stack, at.no_sink, at.log, theme()].join();
    if (structure !== built.structure) { build_grid(); build_rails(); }
    if (structure !== built.structure || pictures !== built.pictures) {
      fit_grid();
      draw_grid();
      const context = legend.getContext("2d");
      for (let x = 0; x < 128; ++x) { context.fillStyle = "rgb(" + ramp(x / 127).join(",") + ")"; context.fillRect(x, 0, 1, 1); }
      low.textContent = at.log ? "≤ " + 10 ** -FLOOR : "0";
    }
    built = {structure, pictures};
    const in_grid = grid.contains(document.activeElement), in_rail = rail.contains(document.activeElement);
    for (const {button, layer, head} of thumbs) {
      const chosen = layer === at.layer && head === at.head;
      button.setAttribute("aria-pressed", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen && in_grid) button.focus();
    }
    stack_buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === at.stack)));
    sink_button.setAttribute("aria-pressed", String(at.no_sink));
    sink_button.disabled = !stack.has_sink;
    log_button.setAttribute("aria-pressed", String(at.log));
    mean_button.setAttribute("aria-pressed", String(at.head === stack.heads || at.layer === stack.layers));
    mean_button.disabled = stack.single;
    side_button.textContent = at.from_keys ? "Weights it gets" : "Weights it gives";
    side_button.setAttribute("aria-pressed", String(at.from_keys));
    draw_facts();
    draw_map();
    draw_text(at.token);
    if (in_rail) rail.children[at.token].focus();
    tell(hovered);
  }

  // Starts with the pair of the largest weight of all heads.
  function choose_stack(i) {
    const stack = stacks[i], best = stack.summary.reduce((most, one) => (one.strongest.weight > most.strongest.weight ? one : most));
    hovered = null;
    set({stack: i, layer: best.layer, head: best.head, token: at.from_keys ? best.strongest.key : best.strongest.query, no_sink: at.no_sink && stack.has_sink});
  }
  const move_head = (by) => () => set({head: clamp(at.head + by, here().columns)});
  const move_layer = (by) => () => set({layer: clamp(at.layer + by, here().rows)});
  const move_token = (by) => () => { hovered = null; set({token: clamp(at.token + by, mine().length)}); };
  const several = stacks.some((stack) => !stack.single);
  keys({...(several ? {ArrowLeft: ["head before", move_head(-1)], ArrowRight: ["next", move_head(1)], ArrowUp: ["layer before", move_layer(-1)], ArrowDown: ["next", move_layer(1)], a: ["mean", next_mean]} : {}),
        "[": ["token before", move_token(-1)], "]": ["next", move_token(1)], h: ["hide the sink", flip_sink], l: ["log scale", flip_log], r: ["gives or gets", flip_side],
        ...(stacks.length > 1 ? {s: ["which attention", () => choose_stack((at.stack + 1) % stacks.length)]} : {})});
  const sizes = data.sides.source ? many(data.sides.source.texts.length, "token") + " of source, " + data.sides.tokens.written.length + " written" : many(stacks[0].layers, "layer") + " of " + many(stacks[0].heads, "head") + ", " + many(stacks[0].query_count, "token");
  about.textContent = `${data.model}: ${sizes}` + (data.inspected_difference === 0 ? "; the logits are those of a plain run, to the bit" : "") + ({4: "", 2: "; weights rounded to 0.00002", 1: "; weights rounded to 0.004"})[data.weight_bytes];
  onTheme(() => (built.structure ? draw() : choose_stack(Math.max(0, stacks.findIndex((stack) => stack.name === "cross_pattern")))));
  window.addEventListener("resize", () => { fit_grid(); draw_map(); });
})();
