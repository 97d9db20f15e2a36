"""Interventions on the shipped checkpoint: what a user types, and how mistakes are told."""
import json

from orrery import Case

PROMPT = ("storyteller", "-p", "One day, a fox", "--max-new-tokens", 12)


class Interventions(Case):
    def text(self, *args):
        return json.loads(self.succeeds("generate", *PROMPT, "--json", *args))["text"]

    def test_flags_repeat_and_combine(self):
        plain = self.text()
        once, twice = self.text("--ablate", "layers.*.mlp"), self.text("--ablate", "layers.*.mlp", "--ablate", "layers.0.heads.0-3")
        self.assertEqual(3, len({plain, once, twice}))
        self.assertEqual(plain, self.text("--patch", "layers.2.residual", "--patch-from", "One day, a fox"))
        self.assertNotEqual(plain, self.text("--patch", "layers.2.residual@-1", "--patch-from", "The"))

    def test_prompts_of_a_batch_each_have_their_own_end(self):
        (self.folder / "prompts.jsonl").write_text('"One day, a fox"\n"A bird sang in the tall tree. It"\n')
        flags = ("--patch", "layers.3.residual@-1", "--patch-from", "The little", "--ablate", "layers.1.heads.2@-2", "--json", "--max-new-tokens", 12)
        batched = [json.loads(line)["ids"] for line in self.succeeds("generate", "storyteller", "--jsonl", "prompts.jsonl", *flags).splitlines()]
        alone = [json.loads(self.succeeds("generate", "storyteller", "-p", text, *flags))["ids"] for text in ("One day, a fox", "A bird sang in the tall tree. It")]
        self.assertEqual(alone, batched)

    def test_mistakes_are_told_in_one_line(self):
        self.assertIn("layers.1.heads.3", self.fails(2, "logits", "storyteller", "text", "--ablate", "layers.1.head.3"))
        self.assertIn("there are", self.fails(1, "logits", "storyteller", "text", "--ablate", "layers.1.heads.999"))
        self.assertIn("no such positions", self.fails(1, "logits", "storyteller", "text", "--ablate", "layers.1.mlp@-99"))
        self.assertIn("--patch-from", self.fails(2, "generate", *PROMPT, "--patch", "layers.1.mlp"))
        self.assertIn("--steer-at", self.fails(2, "generate", *PROMPT, "--steer", "vector.npy"))
        self.fails(1, "generate", *PROMPT, "--steer", "none.npy", "--steer-at", "layers.1.mlp")
        self.assertIn("@-1", self.fails(2, "generate", *PROMPT, "--patch", "layers.1.residual", "--patch-from", "The"))
        self.fails(2, "generate", *PROMPT, "--scale", "2")
