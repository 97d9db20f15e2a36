"""`orrery inspect attention` on the shipped checkpoints."""
import json
import math

from arrays import array
from orrery import Case, call

TEXT = "One day, a fox named Ella found a red ball."


class Attention(Case):
    def look(self, *args):
        document = json.loads(self.succeeds("inspect", "attention", *args, "--npz", "a.npz", "--json"))
        return document, array(self.folder / "a.npz", "ids"), array(self.folder / "a.npz", "pattern")

    def test_the_numbers_are_those_of_the_file(self):
        document, (ids_shape, ids), (shape, pattern) = self.look("storyteller", TEXT)
        self.assertEqual(document["ids"], list(ids))
        self.assertEqual(len(document["tokens"]), len(ids))
        self.assertEqual(0, document["inspected_difference"])
        (stack,) = document["stacks"]
        self.assertEqual([stack["layers"], stack["heads"], len(ids), len(ids)], shape)
        self.assertEqual(("pattern", True), (stack["name"], stack["causal"]))
        count = len(ids)
        for at, one in enumerate(stack["summary"]):
            rows = [pattern[(at * count + query) * count:][:count] for query in range(count)]
            self.assertEqual((at // stack["heads"], at % stack["heads"]), (one["layer"], one["head"]))
            self.assertAlmostEqual(sum(-p * math.log(p) for row in rows for p in row if p > 0) / count, one["entropy"], 9)
            self.assertAlmostEqual(sum(row[0] for row in rows) / count, one["first"], 9)
            self.assertAlmostEqual(sum(p * abs(i - j) for i, row in enumerate(rows) for j, p in enumerate(row)) / count, one["distance"], 9)
            best = max((p, i, j) for i, row in enumerate(rows) for j, p in enumerate(row) if j not in (0, i))
            self.assertEqual(best, (one["strongest"]["weight"], one["strongest"]["query"], one["strongest"]["key"]))

    def test_arrays_and_pages_go_to_files(self):
        for flag in ("--npz", "--html"):
            self.assertIn("not to standard output", self.fails(2, "inspect", "attention", "storyteller", TEXT, flag, "-"))

    def test_the_patterns_are_those_of_trace(self):
        document, _, (_, pattern) = self.look("storyteller", TEXT)
        trace = json.loads(self.succeeds("trace", "storyteller", TEXT, "--json"))
        layers = next(stage for stage in trace["stages"] if stage["stage"] == "layers")["layers"]
        count, heads = len(document["ids"]), document["stacks"][0]["heads"]
        for at, head in enumerate(head for layer in layers for head in layer["heads"]):
            last = pattern[((at * count) + count - 1) * count:][:count]
            self.assertEqual(last.index(max(last)), head["looks_at"], (at // heads, at % heads))

    def test_an_encoder_looks_both_ways_and_needs_no_tokenizer(self):
        document, _, (shape, pattern) = self.look("sorter", "--ids", "3,1,5,2")
        self.assertFalse(document["stacks"][0]["causal"])
        self.assertTrue(all(weight > 0 for weight in pattern))
        self.assertNotIn("tokens", document)

    def test_an_encoder_decoder_looks_at_its_source_too(self):
        source = [3, 7, 11, 9, 1]
        for name in ("t5", "pegasus"):
            args = (f"tests/goldens/{name}", "--ids", ",".join(map(str, source)))
            document = json.loads(self.succeeds("inspect", "attention", *args, "--max-new-tokens", 4, "--npz", "a.npz", "--json"))
            self.assertEqual(0, document["inspected_difference"])
            self.assertEqual(source, document["source_ids"])
            self.assertEqual(document["ids"][1:], document["written_ids"][:-1])
            made = json.loads(self.succeeds("generate", f"tests/goldens/{name}", "--prompt-ids", ",".join(map(str, source)), "--max-new-tokens", 4, "--json"))
            self.assertEqual(made["ids"], document["written_ids"])
            for stack in document["stacks"]:
                shape, pattern = array(self.folder / "a.npz", stack["name"])
                self.assertEqual([stack["layers"], stack["heads"], stack["query_count"], stack["key_count"]], shape)
                for row in range(0, len(pattern), shape[3]):
                    self.assertAlmostEqual(1, sum(pattern[row:row + shape[3]]), 5)
            self.assertEqual({"pattern": (4, 4), "cross_pattern": (4, 5), "encoder_pattern": (5, 5)}, {stack["name"]: (stack["query_count"], stack["key_count"]) for stack in document["stacks"]})
            self.assertEqual(list(array(self.folder / "a.npz", "ids")[1]), document["ids"])
            # What it wrote, given as the target, gives the same.
            again = json.loads(self.succeeds("inspect", "attention", *args, "--decoder-ids", ",".join(map(str, document["ids"])), "--json"))
            self.assertEqual(document["stacks"], again["stacks"])
            self.assertRegex(self.succeeds("inspect", "attention", *args, "--max-new-tokens", 4), r"(?m)\Areads:   ‹3› .*\nwrites:  ‹[^\n]+\n\nthe decoder: ")

    def test_one_token_is_enough_and_many_are_told(self):
        document, _, (shape, pattern) = self.look("storyteller", "--ids", "5")
        self.assertEqual({1.0}, set(pattern))
        told = self.succeeds("inspect", "attention", "storyteller", TEXT)
        self.assertRegex(told, r"(?m)^ +3 +4 +\d\.\d{3} \S +\d+\.\d % +\d+\.\d\d  ‹.*› → ‹.*› \d+ %$")
        self.assertIn("to the bit", told)
        document, _, (shape, _) = self.look("storyteller", " ".join([TEXT] * 12))
        self.assertGreater(shape[2], 120)

    def test_mistakes_are_told_in_one_line(self):
        self.fails(2, "inspect", "attention", "storyteller")
        self.fails(2, "inspect", "attention", "storyteller", TEXT, "--ids", "1")
        self.fails(2, "inspect", "attention", "storyteller", TEXT, "--decoder-ids", "1")
        self.fails(2, "inspect", "attention", "storyteller", TEXT, "--target", "a")
        self.fails(2, "inspect", "attention", "tests/goldens/t5", "--ids", "1", "--decoder-ids", "0", "--target", "a")
        self.fails(1, "inspect", "attention", "tests/goldens/t5", "--ids", "1", "--target", "a")
        self.assertIn("99999999", self.fails(1, "inspect", "attention", "storyteller", "--ids", "99999999"))
        self.assertEqual(1, call("inspect", "attention", "sorter", "3 1", cwd=self.folder).returncode)
