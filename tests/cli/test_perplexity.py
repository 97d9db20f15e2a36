"""`orrery evaluate perplexity`: what is scored of a text, and what is not."""
import json

from orrery import Case, call


class Perplexity(Case):
    def test_what_is_left_out_of_a_long_text_is_told(self):
        (self.folder / "long.txt").write_text("Once upon a time, there was a little girl named Ella. " * 60)
        score = ("evaluate", "perplexity", "storyteller", "--file", "long.txt", "--context", 64)
        tokens = len(json.loads(self.succeeds("tokenize", "storyteller", "--file", "long.txt", "--json"))["ids"])
        done = call(*score, "--json", cwd=self.folder)
        made = json.loads(done.stdout)
        self.assertEqual((63, tokens - 64), (made["tokens"], made["left_out"]))
        self.assertRegex(done.stderr, rf"\Awarning: {made['left_out']} tokens [^\n]+--stride N[^\n]+\n\Z")
        done = call(*score, "--stride", 32, "--json", cwd=self.folder)
        self.assertEqual("", done.stderr)
        self.assertEqual((tokens - 1, 0), (json.loads(done.stdout)["tokens"], json.loads(done.stdout)["left_out"]))
