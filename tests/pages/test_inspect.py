"""The pages of `trace` and `inspect patch` in a browser: their numbers, keys and themes, and that a text stays a text."""
import re

from browser import HOSTILE, PageCase, asked

SAMPLED = ("--temperature", 0.9, "--top-p", 0.9, "--seed", 3, "--max-new-tokens", 6)


class Inspect(PageCase):
    def test_a_trace_tells_the_numbers_of_its_json(self):
        document, html = self.page("trace", "storyteller", "One day, a fox", *SAMPLED)
        self.stays_quiet(html)
        stages = {stage["stage"]: stage for stage in document["stages"]}
        seen = asked(html, """const answer = {stages: Array.from(document.querySelectorAll(".stage"), (one) => one.id), ids: texts("#tokenize .chip small"),
          likely: texts("#logits tbody .number"), random: texts("#sample b"), chain: texts("#sample .chain tr"), gone: Array.from(document.querySelectorAll("#sample .chain .gone"), (cell) => Array.from(cell.querySelectorAll(".token"), (one) => one.textContent)), next: texts("#next .token"), made: texts("#continue .chip small"),
          about: texts("header .about")[0], length: texts("#embed dd"), heads: document.querySelectorAll("#attention .grid button").length, lens: document.querySelectorAll("#layers .grid button").length};""")
        self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "layers", "attention", "logits", "sample", "next", "continue"], seen["stages"])
        self.assertTrue(seen["about"].startswith("storyteller (llama): 4 layers"), seen["about"])
        self.assertEqual([str(token["id"]) for token in stages["tokenize"]["tokens"]], seen["ids"])
        for top, probability, logit in zip(stages["logits"]["top"], seen["likely"][::2], seen["likely"][1::2], strict=True):
            self.assertEqual(f"{top['logit']:.2f}", logit)
            self.assertEqual("< 0.1 %" if top["probability"] < 0.001 else f"{100 * top['probability']:.1f} %", probability)
        self.assertEqual([f"{stages['sample']['random']:.6f}"], seen["random"])
        self.assertEqual(4, len(seen["chain"]))
        for step, row in zip(stages["sample"]["steps"], seen["chain"], strict=True):
            self.assertIn(f"{step['left']:,} token", row)
        visible = lambda one: one["text"].replace(" ", "·")
        self.assertEqual([[visible(one) for one in step["removed_top"][:4]] for step in stages["sample"]["steps"]], seen["gone"])
        self.assertEqual([visible(stages["continue"]["next"])], seen["next"])
        self.assertEqual(len(stages["continue"]["ids"]), len(seen["made"]))
        layers = stages["layers"]["layers"]
        self.assertEqual(len(layers) * len(layers[0]["heads"]), seen["heads"])
        self.assertEqual((len(layers) + 1) * len(seen["ids"]), seen["lens"])
        self.assertEqual([f"{stages['embed']['values'][0]['norms'][-1]:.3f}"], seen["length"])

    def test_a_trace_is_walked_by_keys(self):
        document, html = self.page("trace", "storyteller", "One day, a fox", *SAMPLED)
        seen = asked(html, """const answer = [];
          const look = () => answer.push({token: pressed("#tokenize").length ? texts('#tokenize [aria-pressed="true"] small')[0] : "", lens: document.querySelectorAll('#layers [aria-pressed="true"]').length,
            place: texts("#layers dd")[0], head: texts("#attention > div > p")[0], step: texts('#continue [aria-pressed="true"] small')[0], stage: texts('.spine [aria-current="true"]')[0], theme: document.documentElement.dataset.theme});
          look();
          for (const key of ["ArrowLeft", "ArrowUp", "]", "n", "j", "t"]) { press(key); look(); }""")
        ids = [str(i) for i in document["ids"]]
        self.assertEqual([ids[-1]] + [ids[-2]] * 6, [one["token"] for one in seen])
        self.assertEqual([1] * 7, [one["lens"] for one in seen])
        self.assertEqual(["layers.3.residual"] * 2 + ["layers.2.residual"] * 5, [one["place"] for one in seen])
        self.assertTrue(seen[2]["head"].startswith("Layer 2, head 0:") and seen[3]["head"].startswith("Layer 2, head 1:"))
        self.assertEqual(("Text", "Normalised"), (seen[4]["stage"], seen[5]["stage"]))
        self.assertEqual({"dark", "light"}, {seen[5]["theme"], seen[6]["theme"]})

    def test_a_text_that_looks_like_markup_stays_a_text(self):
        for command in (("trace", "storyteller", HOSTILE), ("inspect", "patch", "storyteller", HOSTILE + " One day", "--corrupt", HOSTILE + " One time", "--answer", ",", "--wrong", ".")):
            _, html = self.page(*command)
            self.stays_quiet(html)
            seen = asked(html, "const answer = {title: document.title, images: document.images.length, scripts: document.scripts.length};")
            self.assertNotEqual("x", seen["title"])
            self.assertEqual((0, 3), (seen["images"], seen["scripts"]))  # the data, the page's own, the one that asks

    def test_an_encoder_has_a_page_too(self):
        _, html = self.page("trace", "sorter", "--prompt-ids", "3,1,5,2")
        self.stays_quiet(html)
        self.assertEqual(["tokenize", "embed", "layers", "attention", "logits"], asked(html, 'const answer = Array.from(document.querySelectorAll(".stage"), (one) => one.id);'))

    def test_an_encoder_decoder_is_shown_from_both_sides(self):
        document, html = self.page("trace", self.translator(), "a red ball", "--max-new-tokens", 5, "--ignore-eos", "--temperature", 1.1, "--seed", 2)
        self.stays_quiet(html)
        stages = {stage["stage"]: stage for stage in document["stages"]}
        seen = asked(html, """const answer = {stages: Array.from(document.querySelectorAll(".stage"), (one) => one.id), titles: texts(".spine a"), encoder: texts("#encoder dd"), length: texts("#layers dd")[1],
          own: document.querySelectorAll("#encoder_attention .grid button").length, cross: texts("#attention .grid button"), lens: document.querySelectorAll("#layers .grid button").length, made: texts("#continue .chip small"), moved: []};
          const look = () => answer.moved.push([texts("#layers dd").slice(0, 2).join(" "), texts("#attention > div > p")[0].split(":")[0]]);
          for (const key of ["ArrowRight", "ArrowUp", "]"]) { press(key); look(); }""")
        self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "encoder", "encoder_attention", "layers", "attention", "logits", "sample", "next", "continue"], seen["stages"])
        self.assertEqual(["Encoder", "Its attention", "Decoder", "Cross-attention"], seen["titles"][5:9])
        layers, encoder = stages["layers"]["layers"], stages["encoder"]["layers"]
        self.assertEqual([f"{layer['norms'][-1]:.3f}" for layer in encoder], seen["encoder"][1:])
        self.assertEqual(f"{layers[-1]['norms'][0]:.3f}", seen["length"])
        self.assertEqual(sum(len(layer["heads"]) for layer in encoder), seen["own"])
        tokens = [token["text"] for token in stages["tokenize"]["tokens"]]
        self.assertEqual([tokens[head["looks_at"]].replace(" ", "·") for layer in layers for head in layer["cross_heads"]], seen["cross"])
        self.assertEqual((len(layers) + 1) * 5, seen["lens"])
        self.assertEqual(5, len(seen["made"]))
        self.assertEqual([[f"decoder.layers.2.residual {layers[2]['norms'][1]:.3f}", "Layer 2, head 0"], [f"decoder.layers.1.residual {layers[1]['norms'][1]:.3f}", "Layer 1, head 0"],
                          [f"decoder.layers.1.residual {layers[1]['norms'][1]:.3f}", "Layer 1, head 1"]], seen["moved"])
        sweep, html = self.page("inspect", "patch", self.folder / "translator", "a red ball", "--corrupt", "a big ball", "--answer", "a", "--wrong", "b")
        self.stays_quiet(html)
        self.assertTrue(asked(html, 'const answer = texts("#place .mono")[0];').startswith("encoder.layers."))

    def test_a_recurrent_translator_shows_its_alignment(self):
        document, html = self.page("trace", "tests/goldens/bahdanau", "--prompt-ids", "5,17,3,8", "--max-new-tokens", 3, "--ignore-eos")
        self.stays_quiet(html)
        stages = {stage["stage"]: stage for stage in document["stages"]}
        seen = asked(html, """const answer = {stages: Array.from(document.querySelectorAll(".stage"), (one) => one.id), encoder: texts("#encoder dd"), cells: texts("#attention .grid button"), moved: []};
          const look = () => answer.moved.push([texts("#layers dd").slice(0, 2).join(" "), texts("#attention > div > p")[0]]);
          look(); press("ArrowRight"); look();""")
        self.assertEqual(["tokenize", "embed", "encoder", "layers", "attention", "logits", "sample", "next", "continue"], seen["stages"])
        self.assertEqual([f"{layer['norms'][-1]:.3f}" for layer in stages["encoder"]["layers"]], seen["encoder"][1:])
        [layer] = stages["layers"]["layers"]
        self.assertEqual(12, len(seen["cells"]))
        for weight, cell in zip((w for look in layer["alignment"] for w in look["weights"]), seen["cells"], strict=True):
            self.assertLessEqual(abs(100 * weight - int(cell)), 0.51)
        for at, (state, looks) in enumerate(seen["moved"]):
            self.assertEqual(f"decoder.layers.0.state {layer['norms'][at]:.3f}", state)
            self.assertIn(f"entropy {layer['alignment'][at]['entropy']:.3f} nats", looks)

    def test_a_sweep_over_states_names_the_directions_of_reading(self):
        document, html = self.page("inspect", "patch", "tests/goldens/bahdanau", "5,17,3,8", "--corrupt", "5,17,44,8", "--answer", "7", "--wrong", "9")
        self.stays_quiet(html)
        seen = asked(html, 'const answer = {columns: texts("#grid thead th"), place: texts("#place .mono")[0], about: texts("header .about")[0]};')
        self.assertEqual(["forwards", "backwards"], seen["columns"])
        self.assertRegex(seen["place"], r"^encoder\.(for|back)wards\.state")
        self.assertTrue(seen["about"].startswith("tests/goldens/bahdanau: encoder.state"), seen["about"])

    def test_a_sweep_tells_the_numbers_of_its_json(self):
        for site in ("residual", "heads"):
            document, html = self.page("inspect", "patch", "storyteller", "A fox named Ella lived here. One day,", "--corrupt", "A fox named Nora lived here. One day,", "--site", site)
            self.stays_quiet(html)
            seen = asked(html, """const answer = {sides: texts(".sides > .number"), cells: texts("#grid .grid button"), place: texts("#place .mono")[0]};
              press("ArrowLeft"); answer.left = texts("#place .mono")[0]; press("ArrowUp"); answer.up = texts("#place .mono")[0]; press("["); answer.back = texts("#place .mono")[0];""")
            self.assertEqual([f"{document[side]['difference']:.3f}" for side in ("clean", "corrupt")], seen["sides"])
            effect = document["effect"]
            if site == "heads":
                values = [max(head, key=abs) for layer in effect for head in layer]
            else:
                values = [effect[layer][position] for position in range(document["positions"]) for layer in range(document["layers"])]
            self.assertEqual(["·" if abs(x) < 0.005 else f"{x:.2f}" for x in values], seen["cells"])
            self.assertLessEqual(3, len({seen["place"], seen["left"], seen["up"], seen["back"]}))

    def test_the_theme_reaches_everything_and_the_keyboard_keeps_its_place(self):
        _, html = self.page("inspect", "patch", "storyteller", "A fox named Ella lived here. One day,", "--corrupt", "A fox named Nora lived here. One day,")
        seen = asked(html, """const strip = () => Array.from(document.querySelectorAll("#place .chip")), colours = () => strip().map((chip) => chip.style.backgroundColor);
          const chosen = () => document.querySelector('#grid .grid [aria-pressed="true"]'), answer = {before: colours()};
          press("t"); answer.after = colours();
          chosen().focus(); document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}));
          answer.with_it = document.activeElement === chosen(); answer.stops = document.querySelectorAll('#grid .grid button[tabindex="0"]').length;
          strip()[2].focus(); strip()[2].click(); answer.held = strip().indexOf(document.activeElement); answer.pressed = strip().map((chip) => chip.getAttribute("aria-pressed")).indexOf("true");""")
        self.assertTrue(all(before != after for before, after in zip(seen["before"], seen["after"], strict=True)))
        self.assertEqual((True, 1, 2, 2), (seen["with_it"], seen["stops"], seen["held"], seen["pressed"]))

    def test_writing_is_legible_on_every_ground(self):
        _, html = self.page("inspect", "patch", "storyteller", "A fox named Ella lived here. One day,", "--corrupt", "A fox named Nora lived here. One day,")
        for ground in asked(html, """const answer = [], cell = document.createElement("b");
          for (let turn = 0; turn < 2; ++turn, press("t"))
            for (let i = 0; i <= 100; ++i) for (const paint of [looking.paint, looking.paint_signed]) { paint(cell, paint === looking.paint ? i / 100 : i / 50 - 1); document.body.append(cell); const style = getComputedStyle(cell); answer.push([style.backgroundColor, style.color]); }"""):
            light = [sum(share * ((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else share * c / 3295 for share, c in zip((0.2126, 0.7152, 0.0722), map(int, re.findall(r"\d+", colour)), strict=True)) for colour in ground]
            self.assertGreater((max(light) + 0.05) / (min(light) + 0.05), 4.5, ground)
