"""A recurrent translator, trained for a few steps: what it shows and what it says of what it cannot show."""
import json
import os

from orrery import Case

SENTENCE = "every brave fox sleeps"


class Alignment(Case):
    def test_every_command_takes_it_or_says_why_not(self):
        self.succeeds("train", "examples/recipes/bahdanau.json", "--max-steps", 3, "--batch", 4, "--output", "aligner")
        (self.folder / "pairs.jsonl").write_text(self.succeeds("corpus", "translation", "--count", 5))
        score = json.loads(self.succeeds("evaluate", "alignment", "aligner", "--file", "pairs.jsonl", "--json"))
        self.assertEqual(5, score["pairs"])
        self.assertEqual(score["share"], score["right"] / score["cells"])

        call = ("logits", "aligner", SENTENCE, "-o")
        self.succeeds(*call, "plain.npy")
        self.succeeds(*call, "ablated.npy", "--ablate", "decoder.layers.0.cross_attention")
        self.assertNotEqual((self.folder / "plain.npy").read_bytes(), (self.folder / "ablated.npy").read_bytes())
        made = json.loads(self.succeeds("generate", "aligner", "-p", SENTENCE, "--max-new-tokens", 6, "--ignore-eos", "--json"))
        self.assertEqual((4, 6), (made["prompt_tokens"], len(made["ids"])))
        self.succeeds("inspect", "attention", "aligner", SENTENCE, "--html", "page.html", "--max-new-tokens", 6)
        self.assertIn("cross_pattern", (self.folder / "page.html").read_text())
        self.before = set(os.listdir(self.folder))
        self.assertIn("no residual stream", self.fails(1, "trace", "aligner", SENTENCE))
        self.assertIn("residual", self.fails(2, "inspect", "patch", "aligner", SENTENCE, "--corrupt", "every brave dog sleeps"))

    def test_other_models_and_files_are_refused(self):
        (self.folder / "pairs.jsonl").write_text('{"input": [2], "target": [57], "alignment": [0]}\n')
        self.before = set(os.listdir(self.folder))
        self.assertIn("no cross-attention", self.fails(1, "evaluate", "alignment", "storyteller", "--file", "pairs.jsonl"))
