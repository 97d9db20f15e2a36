"""Interventions on the shipped checkpoint: what a user types, and how mistakes are told."""
import json
import struct

from orrery import Case

PROMPT = ("storyteller", "-p", "One day, a fox", "--max-new-tokens", 12)


def write_npy(path, values):
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(values)},), }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack(f"<{len(values)}f", *values))


class Interventions(Case):
    def text(self, *args):
        return json.loads(self.succeeds("generate", *PROMPT, "--json", *args))["text"]

    def test_what_embed_writes_is_a_vector_to_steer_by(self):
        self.succeeds("embed", "storyteller", "Once upon a time", "-o", "vector.npy")
        self.before.add("vector.npy")
        self.assertEqual(self.succeeds("generate", *PROMPT), self.succeeds("generate", *PROMPT, "--steer", "vector.npy", "--scale", 0))
        self.assertNotEqual(self.succeeds("generate", *PROMPT), self.succeeds("generate", *PROMPT, "--steer", "vector.npy", "--scale", 50))

    def test_flags_repeat_and_combine(self):
        plain = self.text()
        once, twice = self.text("--ablate", "layers.*.mlp"), self.text("--ablate", "layers.*.mlp", "--ablate", "layers.0.heads.0-3")
        self.assertEqual(3, len({plain, once, twice}))
        self.assertEqual(plain, self.text("--patch", "layers.2.residual", "--patch-from", "One day, a fox"))
        self.assertNotEqual(plain, self.text("--patch", "layers.2.residual@-1", "--patch-from", "The"))

    def test_a_vector_is_added_behind_the_middle_layer_where_nobody_says(self):
        about = json.loads(self.succeeds("info", "storyteller", "--json"))
        write_npy(self.folder / "vector.npy", [0.3 * (i % 7 - 3) for i in range(about["hidden_size"])])
        steered = self.text("--steer", "vector.npy", "--scale", 3)
        self.assertNotEqual(self.text(), steered)
        self.assertEqual(self.text("--steer", "vector.npy", "--scale", 3, "--steer-at", f"layers.{about['num_layers'] // 2}.residual"), steered)

    def test_prompts_of_a_batch_each_have_their_own_end(self):
        (self.folder / "prompts.jsonl").write_text('"One day, a fox"\n"A bird sang in the tall tree. It"\n')
        flags = ("--patch", "layers.3.residual@-1", "--patch-from", "The little", "--ablate", "layers.1.heads.2@-2", "--json", "--max-new-tokens", 12)
        batched = [json.loads(line)["ids"] for line in self.succeeds("generate", "storyteller", "--jsonl", "prompts.jsonl", *flags).splitlines()]
        alone = [json.loads(self.succeeds("generate", "storyteller", "-p", text, *flags))["ids"] for text in ("One day, a fox", "A bird sang in the tall tree. It")]
        self.assertEqual(alone, batched)

    def test_an_encoder_decoder_is_changed_on_both_sides(self):
        model, text = self.translator(), "a red ball"
        logits = lambda *flags: json.loads(self.succeeds("logits", model, text, "--json", *flags))
        said = lambda *flags: tuple(json.loads(self.succeeds("generate", model, "-p", text, "--max-new-tokens", 6, "--ignore-eos", "--logprobs", 1, "--json", *flags))["logprobs"][i]["logprob"] for i in range(6))
        self.assertIn("argmax", logits("--ablate", "encoder.layers.*.mlp"))
        places = ("encoder.layers.0.heads.1", "encoder.layers.1.residual@-1", "decoder.layers.0.heads.1", "decoder.layers.2.cross_heads.0", "decoder.layers.1.neurons.3-9", "decoder.layers.1.residual@1:")
        self.assertEqual(1 + len(places), len({said(), *(said("--ablate", place) for place in places)}))
        self.assertEqual(said(), said("--patch", "encoder.layers.*.residual", "--patch-from", text))
        self.assertNotEqual(said(), said("--patch", "encoder.layers.0.residual@2:5", "--patch-from", "a big dog"))
        write_npy(self.folder / "vector.npy", [1.0] * 32)
        self.before.add("vector.npy")
        self.assertNotEqual(said(), said("--steer", "vector.npy", "--steer-at", "decoder.layers.1.residual", "--scale", 2))
        self.assertIn("no such positions", self.fails(1, "generate", model, "-p", text, "--ablate", "encoder.layers.0.mlp@-99"))
        self.assertIn("decoder.layers.0.cross_heads", self.fails(2, "generate", model, "-p", text, "--ablate", "decoder.layers.0.cross_head.1"))

    def test_mistakes_are_told_in_one_line(self):
        self.assertIn("layers.1.heads.3", self.fails(2, "logits", "storyteller", "text", "--ablate", "layers.1.head.3"))
        self.assertIn("there are", self.fails(1, "logits", "storyteller", "text", "--ablate", "layers.1.heads.999"))
        self.assertIn("no such positions", self.fails(1, "logits", "storyteller", "text", "--ablate", "layers.1.mlp@-99"))
        self.assertIn("--patch-from", self.fails(2, "generate", *PROMPT, "--patch", "layers.1.mlp"))
        self.fails(1, "generate", *PROMPT, "--steer", "none.npy")
        self.fails(1, "generate", *PROMPT, "--steer", "none.npy", "--steer-at", "layers.1.mlp")
        self.assertIn("@-1", self.fails(2, "generate", *PROMPT, "--patch", "layers.1.residual", "--patch-from", "The"))
        self.fails(2, "generate", *PROMPT, "--scale", "2")
