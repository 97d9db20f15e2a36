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
        for site in ("cross_attention", "cross_heads.0"):  # it has one head
            self.succeeds(*call, site + ".npy", "--ablate", "decoder.layers.0." + site)
            self.assertNotEqual((self.folder / "plain.npy").read_bytes(), (self.folder / (site + ".npy")).read_bytes())
        self.assertEqual((self.folder / "cross_attention.npy").read_bytes(), (self.folder / "cross_heads.0.npy").read_bytes())
        made = json.loads(self.succeeds("generate", "aligner", "-p", SENTENCE, "--max-new-tokens", 6, "--ignore-eos", "--json"))
        self.assertEqual((4, 6), (made["prompt_tokens"], len(made["ids"])))
        self.succeeds("inspect", "attention", "aligner", SENTENCE, "--html", "page.html", "--max-new-tokens", 6)
        self.assertIn("cross_pattern", (self.folder / "page.html").read_text())
        self.is_traced(made["ids"])
        self.before = set(os.listdir(self.folder))
        patching = ("inspect", "patch", "aligner", SENTENCE, "--corrupt", "every brave dog sleeps", "--answer", "vola", "--wrong", "mula")
        self.assertEqual("state", json.loads(self.succeeds(*patching, "--json"))["site"])
        self.assertIn("residual", self.fails(2, *patching, "--site", "residual"))

    def is_traced(self, ids):
        call = ("trace", "aligner", SENTENCE, "--max-new-tokens", 6, "--ignore-eos")
        stages = {stage["stage"]: stage for stage in json.loads(self.succeeds(*call, "--json", "--html", "trace.html"))["stages"]}
        self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "encoder", "layers", "logits", "sample", "continue"], list(stages))
        self.assertEqual(ids, stages["continue"]["ids"])
        self.assertEqual(0, stages["logits"]["inspected_difference"])
        self.assertEqual(SENTENCE.split(), [token["text"].strip() for token in stages["tokenize"]["tokens"]])
        self.assertEqual([["encoder.forwards.state", 4], ["encoder.backwards.state", 4]], [[layer["value"], len(layer["norms"])] for layer in stages["encoder"]["layers"]])
        [decoder] = stages["layers"]["layers"]
        self.assertEqual(ids[:-1], [token["id"] for token in stages["layers"]["tokens"]][1:])
        self.assertEqual((6, 6), (len(decoder["norms"]), len(decoder["alignment"])))
        for look in decoder["alignment"]:
            self.assertAlmostEqual(1, sum(look["weights"]), places=4)
            self.assertEqual(4, len(look["weights"]))
        self.assertEqual([step["top"][0]["id"] for step in stages["continue"]["steps"]], [one["id"] for one in stages["layers"]["lens"][0]["said"]])
        self.assertIn("alignment", (self.folder / "trace.html").read_text())
        told = self.succeeds(*call)
        for heading in ("text", "normalised", "pre-tokens", "tokens", "encoder", "decoder", "logits", "choosing", "the next step"):
            self.assertRegex(told, rf"(?m)^{heading}\b")
        look, words = decoder["alignment"][0], stages["tokenize"]["tokens"]
        self.assertIn(f"{look['looks_at']} ‹{words[look['looks_at']]['text']}› {100 * look['weight']:.1f} %", told)
        self.assertIn("the same bits as in generate", told)

    def test_other_models_and_files_are_refused(self):
        (self.folder / "pairs.jsonl").write_text('{"input": [2], "target": [57], "alignment": [0]}\n')
        self.before = set(os.listdir(self.folder))
        self.assertIn("no cross-attention", self.fails(1, "evaluate", "alignment", "storyteller", "--file", "pairs.jsonl"))
