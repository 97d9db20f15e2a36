"""The page of `inspect attention` in a browser: its numbers and colours, keys and themes, and that a text stays a text."""
import json
import math
import sys
from pathlib import Path

from browser import HOSTILE, PageCase, asked

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from arrays import array  # noqa: E402

TEXT = "One day, a fox named Ella found a red ball."
LOOK = """const shown = () => Array.from(document.querySelectorAll(".top tr"), (row) => Array.from(row.querySelectorAll(".number"), (cell) => cell.textContent));
const title = () => document.querySelector("#head h2").firstChild.textContent;
const chosen = () => Array.from(document.querySelectorAll(".rail button")).findIndex((chip) => chip.getAttribute("aria-pressed") === "true");
const read_out = () => document.querySelector("#readout").textContent;
function pointed(step) {
  const canvas = document.querySelector(".marks"), found = new Set();
  for (let y = 0; y < canvas.clientHeight; y += step)
    for (let x = 0; x < canvas.clientWidth; x += step) {
      const box = canvas.getBoundingClientRect();
      canvas.dispatchEvent(new MouseEvent("mousemove", {clientX: box.left + x, clientY: box.top + y, bubbles: true}));
      if (document.querySelector("#readout b")) found.add(read_out());
    }
  return Array.from(found);
}
"""


def number(x):
    """As the page writes it."""
    if x == 0 or x >= 1e-4:
        return f"{x:.4f}"
    digits, power = f"{x:.1e}".split("e")
    return f"{digits}e{int(power)}"


def largest(row):
    """The list of the largest weights of a row: places and numbers."""
    order = sorted((i for i, p in enumerate(row) if p > 0), key=lambda i: -row[i])[:8]
    return [[str(i), number(row[i])] for i in order]


class Attention(PageCase):
    def look(self, *args):
        document, html = self.page("inspect", "attention", *args, "--npz", "a.npz")
        return document, html, lambda name: array(self.folder / "a.npz", name)[1]

    def test_the_numbers_are_those_of_the_npz(self):
        document, html, read = self.look("storyteller", TEXT)
        self.stays_quiet(html)
        (stack,), pattern, count = document["stacks"], read("pattern"), len(document["ids"])
        layers, heads = stack["layers"], stack["heads"]
        matrix = lambda layer, head: [pattern[((layer * heads + head) * count + query) * count:][:count] for query in range(count)]
        seen = asked(html, LOOK + """const answer = {thumbs: [], about: texts("header .about")[0]};
          for (const thumb of Array.from(document.querySelectorAll(".thumb"))) { thumb.click(); answer.thumbs.push({name: title(), token: chosen(), list: shown(), facts: texts("#head dd")}); }""")
        self.assertEqual((layers + 1) * (heads + 1), len(seen["thumbs"]))
        self.assertIn("to the bit", seen["about"])
        everything = [matrix(layer, head) for layer in range(layers) for head in range(heads)]
        for at, thumb in enumerate(seen["thumbs"]):
            layer, head = divmod(at, heads + 1)
            parts = [everything[l * heads + h] for l in range(layers) for h in range(heads) if layer in (l, layers) and head in (h, heads)]
            row = [sum(part[thumb["token"]][key] for part in parts) / len(parts) for key in range(count)]
            for (place, value), (_, wanted) in zip(thumb["list"], largest(row), strict=True):
                self.assertAlmostEqual(float(wanted), row[int(place)], 4)
                self.assertAlmostEqual(float(value), row[int(place)], delta=6e-5)
            if len(parts) == 1:
                one = stack["summary"][layer * heads + head]
                self.assertEqual(f"Layer {layer}, head {head}", thumb["name"])
                self.assertEqual(largest(row), thumb["list"])
                self.assertTrue(thumb["facts"][0].startswith(f"{one['entropy']:.3f} nats, "), thumb["facts"])
                self.assertEqual(f"{one['distance']:.2f}", thumb["facts"][2])
            else:
                self.assertIn("ean", thumb["name"])

    def test_pointing_at_a_cell_tells_its_weight(self):
        document, html, read = self.look("storyteller", "--ids", "5,17,3,8")
        pattern = read("pattern")
        seen = asked(html, LOOK + 'document.querySelector(".thumb").click(); const answer = pointed(6);')
        cells = {(query, key): pattern[query * 4 + key] for query in range(4) for key in range(4)}
        told = {}
        for line in seen:
            left, right = line.split(" looks at ")
            told[int(left.split()[-1]), int(right.split(":")[0].split()[-1])] = right.split(": ")[-1]
        self.assertEqual({at: number(weight) for at, weight in cells.items()}, told)

    def test_each_pixel_of_a_small_picture_is_a_weight(self):
        document, html, read = self.look("storyteller", TEXT)
        pattern, count = read("pattern"), len(document["ids"])
        for theme in ("dark", "light"):
            seen = asked(html, """if (document.documentElement.dataset.theme !== "%s") press("t");
              const answer = Array.from(document.querySelectorAll(".thumb canvas")).slice(0, 2).map((canvas) => [canvas.width, canvas.height, ...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]);
              answer.push(Array.from({length: 257}, (_, i) => shell.ramp(i / 256)));""" % theme)
            for head in (0, 1):
                self.assertEqual([count, count], seen[head][:2])
                for i, weight in enumerate(pattern[head * count * count:][:count * count]):
                    self.assertEqual(seen[2][math.floor(256 * weight + 0.5)], seen[head][2 + 4 * i:][:3], (theme, head, i))

    def test_keys_walk_it(self):
        document, html, _ = self.look("storyteller", TEXT)
        seen = asked(html, LOOK + """const answer = [];
          const look = () => answer.push({title: title(), token: chosen(), theme: document.documentElement.dataset.theme, on: texts('.switches [aria-pressed="true"]'), low: texts(".legend span")[0], question: texts("#text h2")[0]});
          document.querySelector(".thumb").click();
          for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", "[", "]", "a", "a", "a", "h", "l", "r", "t"]) { press(key); look(); }""")
        self.assertEqual(["Layer 0, head 1", "Layer 1, head 1", "Layer 1, head 0", "Layer 0, head 0", "Layer 0, head 0"], [one["title"] for one in seen[:5]])
        self.assertEqual(seen[4]["token"] - 1, seen[5]["token"])
        self.assertEqual(seen[4]["token"], seen[6]["token"])
        self.assertEqual(["Layer 0, mean of its heads", "Mean of all layers and heads", "Layer 0, head 0"], [one["title"] for one in seen[7:10]])
        self.assertEqual(["Hide sink"], seen[10]["on"])
        self.assertEqual(("0", "≤ 0.0001"), (seen[10]["low"], seen[11]["low"]))
        self.assertEqual(["Hide sink", "Log scale", "Weights it gets"], seen[12]["on"])
        self.assertTrue(seen[12]["question"].startswith("Who looks at "))
        self.assertEqual({"dark", "light"}, {seen[12]["theme"], seen[13]["theme"]})

    def test_without_the_sink_the_rest_adds_up_to_one(self):
        document, html, read = self.look("storyteller", TEXT)
        pattern, count = read("pattern"), len(document["ids"])
        seen = asked(html, LOOK + 'document.querySelector(".thumb").click(); press("h"); const answer = {token: chosen(), list: shown()};')
        row = list(pattern[seen["token"] * count:][:count])
        row[0] = 0
        self.assertEqual(largest([p / sum(row) for p in row]), seen["list"])

    def test_an_encoder_decoder_has_three_stacks(self):
        for target in ((), ("--decoder-ids", "0,4,9")):
            document, html, read = self.look("tests/goldens/t5", "--ids", "3,7,11,9,1", "--max-new-tokens", "4", *target)
            self.stays_quiet(html)
            seen = asked(html, LOOK + """const answer = [];
              for (let i = 0; i < 3; ++i) { document.querySelector(".thumb").click(); answer.push({name: pressed(".choices")[0], token: chosen(), list: shown(), rails: Array.from(document.querySelectorAll(".rail"), (rail) => rail.children.length)}); press("s"); }
              answer.push(pressed(".choices")[0]);""")
            self.assertEqual(["Decoder → source", "Encoder", "Decoder", "Decoder → source"], [one["name"] for one in seen[:3]] + [seen[3]])
            written = len(document["ids"])
            self.assertEqual([[written, 5], [5, 0], [written, 0]], [one["rails"] for one in seen[:3]])
            for one, name, keys in zip(seen[:3], ("cross_pattern", "encoder_pattern", "pattern"), (5, 5, written), strict=True):
                self.assertEqual(largest(read(name)[one["token"] * keys:][:keys]), one["list"], name)

    def test_many_tokens_are_rounded_and_one_is_enough(self):
        text = " ".join([TEXT] * 30)
        document, html, read = self.look("storyteller", text)
        self.assertLess(len(html), 6e6)
        count, pattern = len(document["ids"]), read("pattern")
        self.assertGreater(count, 350)
        seen = asked(html, LOOK + 'document.querySelector(".thumb").click(); const answer = {about: texts("header .about")[0], token: chosen(), list: shown()};')
        self.assertIn("rounded", seen["about"])
        for place, value in seen["list"]:
            self.assertAlmostEqual(pattern[seen["token"] * count + int(place)], float(value), delta=7e-5)
        _, html, _ = self.look("storyteller", "--ids", "5")
        self.stays_quiet(html)
        self.assertEqual([["0", "1.0000"]], asked(html, LOOK + "const answer = shown();"))

    def test_a_text_that_looks_like_markup_stays_a_text(self):
        document, html = self.page("inspect", "attention", "storyteller", HOSTILE)
        self.stays_quiet(html)
        seen = asked(html, LOOK + 'pointed(20); const answer = {title: document.title, images: document.images.length, scripts: document.scripts.length, text: texts(".rail .chip").length};')
        self.assertEqual(("Attention", 0, 3, len(document["ids"])), (seen["title"], seen["images"], seen["scripts"], seen["text"]))
