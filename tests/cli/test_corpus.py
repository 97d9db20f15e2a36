"""`orrery corpus`: records are a function of seed and index, and what is written passes its own check."""
import json

from orrery import Case, call


class Corpus(Case):
    def test_sort_writes_what_it_says(self):
        lines = self.succeeds("corpus", "sort", "--length", "5", "--max", "20", "--count", "2000").splitlines()
        self.assertEqual(2000, len(lines))
        for record in map(json.loads, lines):
            self.assertEqual(5, len(record["input"]))
            self.assertEqual(sorted(record["input"]), record["target"])

    def test_a_record_depends_on_seed_and_index_alone(self):
        whole = self.succeeds("corpus", "stories", "--count", "6", "--seed", "5")
        rest = self.succeeds("corpus", "stories", "--count", "4", "--first", "2", "--seed", "5", "--threads", "1")
        self.assertEqual(whole.splitlines()[2:], rest.splitlines())
        self.assertNotEqual(whole, self.succeeds("corpus", "stories", "--count", "6", "--seed", "6"))

    def test_the_check_accepts_what_was_written_and_says_why_it_refuses(self):
        for form in ("lines", "text"):
            self.succeeds("corpus", "stories", "--count", "3", "--format", form, "-o", "stories")
            self.assertTrue(self.succeeds("corpus", "stories", "--check", "stories").endswith("3 of 3 correct\n"))
        (self.folder / "stories").write_text("The cat sat on the mat.\n<|endoftext|>\n")
        verdict = json.loads(self.succeeds("corpus", "stories", "--check", "stories", "--json"))
        self.assertFalse(verdict["correct"])
        self.assertTrue(verdict["why_not"])

    def test_a_translation_is_checked_by_its_ids(self):
        lines = self.succeeds("corpus", "translation", "--words", "9", "--count", "300", "--seed", "4").splitlines()
        records = [json.loads(line) for line in lines]
        for record in records:
            self.assertIn(len(record["input"]), range(4, 10))
            self.assertEqual(sorted(record["alignment"]), list(range(len(record["input"]))))
            self.assertEqual(record["text"], record["source"] + " -> " + record["translation"])
        answers = [{"input": record["input"], "target": record["target"]} for record in records[:3]]
        answers[1]["target"] = answers[1]["target"][:-1] + [0]
        (self.folder / "answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
        verdicts = self.succeeds("corpus", "translation", "--check", "answers.jsonl").splitlines()
        last = records[1]["translation"].split()[-1]
        place = len(answers[1]["target"])
        self.assertEqual(["correct", f'word {place} of the translation: found "<pad>", expected "{last}"', "correct",
                          "2 of 3 correct"], verdicts)
        (self.folder / "answers.jsonl").write_text('{"input": [2, 14]}\n')
        self.before.add("answers.jsonl")
        self.assertIn("record 1", self.fails(1, "corpus", "translation", "--check", "answers.jsonl"))

    def test_a_check_by_other_rules_is_told(self):
        self.succeeds("corpus", "translation", "--agreement", 0, "--count", 50, "-o", "pairs.jsonl")
        check = ("corpus", "translation", "--check", "pairs.jsonl")
        self.assertRegex(call(*check, cwd=self.folder).stderr, r"\Awarning: checked by the rule's defaults[^\n]+--agreement[^\n]+\n\Z")
        self.assertEqual("", call(*check, "--agreement", 0, cwd=self.folder).stderr)

    def test_wrong_calls(self):
        self.assertIn("sort, stories or translation", self.fails(2, "corpus", "poems"))
        self.assertIn("hint: this corpus has no options", self.fails(2, "corpus", "stories", "--length", "8"))
        self.assertIn("hint: its own options: length, max", self.fails(2, "corpus", "sort", "--words", "8"))
        self.assertIn("out of range", self.fails(2, "corpus", "sort", "--length", "0"))
        self.fails(1, "corpus", "sort", "--check", "no-such-file")
