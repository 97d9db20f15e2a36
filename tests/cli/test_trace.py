"""`orrery trace`: the stages of one text, and that they are those of `generate`."""
import json
import math
import unittest

from orrery import SHARED, Case

TEXT = "One day, a fox named Zoë met a bear. He"
SAMPLED = ("--temperature", 0.9, "--top-p", 0.9, "--repetition-penalty", 1.2, "--seed", 3)


class Trace(Case):
    def stages(self, *args):
        return {stage["stage"]: stage for stage in json.loads(self.succeeds("trace", *args, "--json"))["stages"]}

    def test_the_story_is_whole_and_in_order(self):
        stages = self.stages("storyteller", TEXT, *SAMPLED)
        self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "layers", "logits", "sample", "continue"], list(stages))
        tokens = stages["tokenize"]["tokens"]
        encoded = json.loads(self.succeeds("tokenize", "storyteller", TEXT, "--json"))
        self.assertEqual(encoded["ids"], [token["id"] for token in tokens])
        self.assertEqual(encoded["tokens"], [token["token"] for token in tokens])
        self.assertEqual(encoded["offsets"], [[token["begin"], token["end"]] for token in tokens])
        self.assertEqual(len(TEXT), stages["text"]["characters"])
        self.assertEqual(TEXT, "".join(TEXT[p["begin"]:p["end"]] for p in stages["pre_tokenize"]["pieces"]))
        about = json.loads(self.succeeds("info", "storyteller", "--json"))
        layers = stages["layers"]["layers"]
        self.assertEqual(about["num_layers"], len(layers))
        self.assertEqual(about["num_heads"], len(layers[0]["heads"]))
        for layer in layers:
            self.assertEqual(len(tokens), len(layer["norms"]))
            for head in layer["heads"]:
                self.assertAlmostEqual(1, sum(head["weights"]), places=4)
        self.assertEqual([s["id"] for s in stages["logits"]["top"]], [s["id"] for s in stages["layers"]["lens"][-1]["says"]])

    def test_ids_and_probabilities_are_those_of_generate(self):
        for flags in ((), SAMPLED, ("--ablate", "layers.*.heads.1", *SAMPLED), ("--patch", "layers.2.residual@-1", "--patch-from", "The cat")):
            with self.subTest(flags=flags):
                made = json.loads(self.succeeds("generate", "storyteller", "-p", TEXT, "--max-new-tokens", 9, "--logprobs", 5, "--json", *flags))
                stages = self.stages("storyteller", TEXT, "--max-new-tokens", 9, *flags)
                self.assertEqual(made["ids"], stages["continue"]["ids"])
                self.assertEqual(made["text"], stages["continue"]["text"])
                self.assertEqual(made["finish_reason"], stages["continue"]["finish_reason"])
                self.assertEqual(0, stages["logits"]["inspected_difference"])
                for logprob, step in zip(made["logprobs"], stages["continue"]["steps"], strict=True):
                    self.assertAlmostEqual(logprob["logprob"], math.log(step["chosen"]["raw_probability"]), places=9)
                    self.assertEqual([top["id"] for top in logprob["top_logprobs"]], [top["id"] for top in step["top"]])

    def test_the_steps_of_sampling_add_up(self):
        sample = self.stages("storyteller", TEXT, *SAMPLED)["sample"]
        self.assertEqual(["repetition_penalty", "temperature", "top_k", "top_p", "min_p"], [step["name"] for step in sample["steps"]])
        left = json.loads(self.succeeds("info", "storyteller", "--json"))["vocab_size"]
        for step in sample["steps"]:
            left -= step["removed"]
            self.assertEqual(left, step["left"])
            self.assertEqual(min(8, step["removed"]), len(step["removed_top"]))
            self.assertEqual(set(), {one["id"] for one in step["removed_top"]} & {one["id"] for one in step["top"]})
            self.assertLessEqual(sum(one["probability"] for one in step["removed_top"]), step["removed_probability"] + 1e-9)
        begin, end = sample["share"]
        self.assertTrue(begin <= sample["random"] < end)
        self.assertAlmostEqual(sample["chosen"]["probability"], end - begin)

    def test_the_next_step_reads_what_was_chosen(self):
        rest = self.stages("storyteller", TEXT, "--max-new-tokens", 1)
        token = rest["sample"]["chosen"]
        self.assertEqual((token["id"], len(rest["tokenize"]["tokens"])), (rest["continue"]["next"]["id"], rest["continue"]["next"]["position"]))
        self.assertIn(f"reads ‹{token['text']}› at position {rest['continue']['next']['position']}", self.succeeds("trace", "storyteller", TEXT, "--max-new-tokens", 1))

    def test_the_terminal_tells_the_same(self):
        told = self.succeeds("trace", "storyteller", TEXT, *SAMPLED)
        for heading in ("text", "normalised", "pre-tokens", "tokens", "layers", "attention", "logits", "choosing", "the next step"):
            self.assertRegex(told, rf"(?m)^{heading}\b")
        self.assertIn("the same bits as in generate", told)
        sample = self.stages("storyteller", TEXT, *SAMPLED)["sample"]
        self.assertRegex(told, rf"random number +{sample['random']:.6f} falls into {sample['share'][0]:.6f} to {sample['share'][1]:.6f}")
        for step in sample["steps"]:
            if step["removed"]:
                self.assertIn(f"removed {step['removed']} with ", told)
                self.assertIn(f"of the probability: ‹{step['removed_top'][0]['text']}›", told)
        self.assertNotIn("\033", told)  # no terminal, no colours

    def test_mistakes(self):
        self.fails(2, "trace", "storyteller")
        self.fails(2, "trace", "storyteller", "text", "--prompt-ids", "1,2")
        self.fails(1, "trace", "storyteller", "--prompt-ids", "99999")
        self.fails(2, "trace", "storyteller", "text", "--ablate", "nothing")

    def test_an_encoder_shows_what_fits(self):
        stages = self.stages("sorter", "--prompt-ids", ",".join("31524076"))
        self.assertEqual(["tokenize", "embed", "layers", "logits"], list(stages))
        self.assertIn("label", stages["logits"]["top"][0])

    def test_an_encoder_decoder_is_told_from_both_sides(self):
        model, text = self.translator(), "a red ball"
        for flags in ((), SAMPLED, ("--ablate", "encoder.layers.1.heads.2@-1", "--ablate", "decoder.layers.0.cross_heads.1"), ("--patch", "encoder.layers.0.residual@2", "--patch-from", "a big dog")):
            with self.subTest(flags=flags):
                made = json.loads(self.succeeds("generate", model, "-p", text, "--max-new-tokens", 6, "--ignore-eos", "--logprobs", 5, "--json", *flags))
                stages = self.stages(model, text, "--max-new-tokens", 6, "--ignore-eos", *flags)
                self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "encoder", "layers", "logits", "sample", "continue"], list(stages))
                self.assertEqual(made["ids"], stages["continue"]["ids"])
                self.assertEqual(0, stages["logits"]["inspected_difference"])
                self.assertEqual([*text, "</s>"], [token["text"] for token in stages["tokenize"]["tokens"]])
                encoder, decoder = stages["encoder"]["layers"], stages["layers"]["layers"]
                self.assertEqual((2, 3), (len(encoder), len(decoder)))
                self.assertEqual({len(text) + 1}, {len(layer["norms"]) for layer in encoder})
                self.assertEqual([0, *made["ids"][:-1]], [token["id"] for token in stages["layers"]["tokens"]])
                for layer in decoder:
                    for head in layer["cross_heads"]:
                        self.assertAlmostEqual(1, sum(head["weights"]), places=4)
                        self.assertEqual(len(text) + 1, len(head["weights"]))
                for at, step in enumerate(stages["continue"]["steps"]):
                    self.assertEqual(step["top"][0]["id"], stages["layers"]["lens"][-1]["said"][at]["id"])
        told = self.succeeds("trace", model, text)
        for heading in ("text", "normalised", "tokens", "encoder", "attention", "decoder", "cross-attention", "logits", "choosing", "the next step"):
            self.assertRegex(told, rf"(?m)^{heading}\b")

    @unittest.skipUnless(SHARED.is_dir(), "../shared is not here")
    def test_a_transliteration_is_told_to_its_end(self):
        model = SHARED / "models" / "translit-ar-en"
        for word in json.loads((model / "reference.json").read_text())["words"][:3]:
            stages = self.stages(model, "--prompt-ids", ",".join(map(str, word["input_ids"])), "--max-new-tokens", 20)
            self.assertEqual(word["greedy_ids"], [52, *stages["continue"]["ids"]])
            self.assertEqual("stop", stages["continue"]["finish_reason"])

    @unittest.skipUnless(SHARED.is_dir(), "../shared is not here")
    def test_a_sentence_encoder_has_no_logits(self):
        self.assertEqual(["text", "normalize", "pre_tokenize", "tokenize", "embed", "layers"], list(self.stages(SHARED / "models" / "minilm-l6-v2", "A tidy little text")))
