"""`orrery bench MODEL --roofline`: a model's time step by step, beside the machine's limits."""
import json

from orrery import ROOT, Case

GOLDENS = ROOT / "tests" / "goldens"


class Roofline(Case):
    def roofline(self, model, *arguments):
        return json.loads(self.succeeds("bench", model, "--repeat", 1, "--roofline", "--json", *arguments))["roofline"]

    def kernels(self):
        return json.loads(self.succeeds("bench", "machine", "--seconds", 0.01, "--json"))["kernels"]

    def hold(self, roofline, names):
        self.assertEqual(names, [phase["name"] for phase in roofline["phases"]])
        self.assertGreater(roofline["limits"]["f32_gflops"], 0)
        self.assertGreater(roofline["limits"]["read_gb_per_second"], 0)
        for phase in roofline["phases"]:
            with self.subTest(phase["name"]):
                steps = phase["steps"]
                self.assertAlmostEqual(phase["steps_seconds"], sum(step["seconds"] for step in steps))
                self.assertLessEqual(phase["steps_seconds"], phase["seconds"])
                self.assertLessEqual(sum(step["share"] for step in steps), 1.0001)
                self.assertEqual(sorted((step["seconds"] for step in steps), reverse=True), [step["seconds"] for step in steps])
                for step in steps:
                    self.assertIn(step["limit"], ("memory", "f32", "f32 of bf16", "bf16", "int8"))
                    self.assertGreaterEqual(step["limit_share"], 0)
                self.assertTrue(any(step["op"].startswith("linear") and step["gflops"] > 0 for step in steps))

    def test_a_decoder_reads_and_writes(self):
        made = self.roofline("storyteller", "--prompt-tokens", 16, "--new-tokens", 4)
        self.hold(made, ["prefill", "decode"])
        self.assertEqual([16, 3], [phase["tokens"] for phase in made["phases"]])

    def test_blocks_are_whole_numbers_and_pairs_are_pairs(self):
        for arguments, arithmetic in ((("--dtype", "q8_0"), "int8"), (("--dtype", "int8"), "int8"), (("--compute-dtype", "bf16"), "bf16"), (("--dtype", "f32"), "f32")):
            with self.subTest(arguments):
                made = self.roofline("storyteller", "--prompt-tokens", 16, "--new-tokens", 2, *arguments)
                self.assertIn(arithmetic, {step["arithmetic"] for step in made["phases"][0]["steps"] if step["op"].startswith("linear")})
        made = self.roofline("storyteller", "--prompt-tokens", 16, "--new-tokens", 2)   # weights of bf16: split where there are tiles
        self.assertEqual({"f32 of bf16" if self.kernels() == "amx" else "f32"}, {step["arithmetic"] for step in made["phases"][0]["steps"] if step["op"].startswith("linear")})

    def test_an_encoder_decoder_encodes_first(self):
        self.hold(self.roofline(GOLDENS / "t5", "--prompt-tokens", 12, "--new-tokens", 4), ["encode", "first token", "decode"])

    def test_an_encoder_reads_random_tokens_or_lines(self):
        made = self.roofline(GOLDENS / "bert", "--prompt-tokens", 9, "--batch", 3)
        self.hold(made, ["encode"])
        self.assertEqual(27, made["phases"][0]["tokens"])
        speed = json.loads(self.succeeds("bench", GOLDENS / "bert", "--prompt-tokens", 9, "--repeat", 1, "--json"))
        self.assertGreater(speed["texts_per_second"], 0)
        self.assertNotIn("roofline", speed)
        self.assertIn("encode", self.succeeds("bench", GOLDENS / "bert", "--prompt-tokens", 9, "--repeat", 1))

    def test_the_table_names_the_steps_and_the_limits(self):
        text = self.succeeds("bench", "storyteller", "--prompt-tokens", 16, "--new-tokens", 4, "--repeat", 1, "--roofline")
        for word in ("limits ", "prefill: 16 tokens", "decode: 3 tokens", "of the limit", "cached_attention", "mlp."):
            self.assertIn(word, text)

    def test_texts_are_for_models_that_read_alone(self):
        (self.folder / "texts.txt").write_text("one line\n")
        self.before.add("texts.txt")
        self.assertIn("--texts", self.fails(2, "bench", "storyteller", "--texts", "texts.txt"))
