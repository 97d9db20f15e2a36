"""Encoder-decoders in the commands that are not about writing: a text's vector, the model's size and speed."""
import json

from orrery import ROOT, Case


class Answers(Case):
    def test_a_vector_is_made_of_what_the_encoder_says(self):
        self.translator()
        (self.folder / "texts.txt").write_text("one fox\na much longer text of many foxes\n")
        self.before.add("texts.txt")
        lines = self.succeeds("embed", "translator", "--file", "texts.txt", "--lines", "--json").splitlines()
        alone = self.succeeds("embed", "translator", "one fox", "--json")
        self.assertEqual(32, len(json.loads(alone)["embedding"]))
        self.assertEqual(alone.strip(), lines[0])
        self.assertNotEqual(lines[0], lines[1])

    def test_both_sides_are_counted(self):
        self.translator()
        about = json.loads(self.succeeds("info", "translator", "--json"))
        self.assertEqual((3, 2, 40), (about["num_layers"], about["num_encoder_layers"], about["encoder_intermediate_size"]))
        self.assertIn("3 of the decoder, 2 of the encoder, width 32, feed-forward 48, of the encoder 40", self.succeeds("info", "translator"))

    def test_prompts_of_a_bench_are_sources(self):
        self.translator()
        made = json.loads(self.succeeds("bench", "translator", "--prompt-tokens", 30, "--new-tokens", 30, "--repeat", 1, "--json"))
        self.assertGreater(made["decode_tokens_per_second"], 0)
        self.assertIn("positions", self.fails(1, "bench", "translator", "--prompt-tokens", 41, "--new-tokens", 2))

    def test_a_model_may_have_no_longest_text(self):
        for name, usual in (("t5", 512), ("bahdanau", 64)):
            with self.subTest(name):
                model = ROOT / "tests" / "goldens" / name
                about = json.loads(self.succeeds("info", model, "--json"))
                self.assertEqual((None, usual), (about["max_positions"], about["usual_positions"]))
                self.assertLess(about["total_bytes"], 4 << 20)
                text = self.succeeds("info", model)
                self.assertIn("context       any length\n", text)
                self.assertIn("4 heads of 6" if name == "t5" else "1 head of 8", text)
                self.assertEqual(name == "t5", "feed-forward" in text)   # a recurrence has none
                self.assertIn(f"for a text and a source of {usual} tokens", text)
                self.assertEqual(1, json.loads(self.succeeds("generate", model, "--prompt-ids", ",".join(["5"] * 600), "--max-new-tokens", 1, "--json"))["generated_tokens"])
