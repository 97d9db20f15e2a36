"""`orrery generate`: what ends a text, and what is read as its prompt."""
import json

from orrery import Case, call


class Generate(Case):
    def test_a_flag_of_length_wins_over_what_the_checkpoint_says(self):
        made = json.loads(self.succeeds("generate", "storyteller", "-p", "One day", "--max-length", 5, "--json"))
        self.assertEqual(("length", 5), (made["finish_reason"], made["prompt_tokens"] + made["generated_tokens"]))

    def test_a_dash_reads_the_prompt_from_standard_input(self):
        short = ("--max-new-tokens", 5)
        self.assertEqual(self.succeeds("generate", "storyteller", "-p", "One day", *short),
                         self.succeeds("generate", "storyteller", "-p", "-", *short, stdin="One day\n"))

    def test_records_of_pairs_are_read_by_their_input(self):
        ids = json.loads(self.succeeds("tokenize", "storyteller", "One day", "--json"))["ids"]
        (self.folder / "pairs.jsonl").write_text(f'{{"text": "a -> b", "input": "One day"}}\n{{"text": "a -> b", "input": {ids}}}\n')
        made = self.succeeds("generate", "storyteller", "--jsonl", "pairs.jsonl", "--max-new-tokens", 5).splitlines()
        self.assertEqual(2 * self.succeeds("generate", "storyteller", "-p", "One day", "--max-new-tokens", 5).splitlines(), made)

    def test_a_line_with_a_mistake_is_named_once(self):
        (self.folder / "prompts.jsonl").write_text('"One day"\n{"prompt": }\n')
        self.assertIn("prompts.jsonl, line 2, column ", self.failure("--jsonl", "prompts.jsonl"))

    def test_an_unknown_word_is_named_with_its_line(self):
        model = self.translator()
        tokenizer = json.loads((model / "tokenizer.json").read_text())
        tokenizer["model"] = {"type": "WordLevel", "vocab": {"<pad>": 0, "</s>": 1, "fox": 2}, "unk_token": "<unk>"}
        tokenizer["pre_tokenizer"] = {"type": "WhitespaceSplit"}
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        (self.folder / "prompts.jsonl").write_text('"fox"\n"fox cat"\n')
        told = self.failure("--jsonl", "prompts.jsonl", model="translator")
        self.assertIn("lacks 'cat'", told)
        self.assertIn("prompts.jsonl, line 2", told)

    def failure(self, *args, model="storyteller"):
        done = call("generate", model, *args, cwd=self.folder)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        return done.stderr
