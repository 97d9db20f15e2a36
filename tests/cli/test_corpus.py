"""`orrery corpus`: records are a function of seed and index, and what is written passes its own check."""
import json

from orrery import Case


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

    def test_wrong_calls(self):
        self.assertIn("sort, stories", self.fails(2, "corpus", "poems"))
        self.assertIn("length", self.fails(2, "corpus", "stories", "--length", "8"))
        self.assertIn("out of range", self.fails(2, "corpus", "sort", "--length", "0"))
        self.fails(1, "corpus", "sort", "--check", "no-such-file")
