"""`orrery vocab`: trained vocabularies read what they were trained on."""
import json
import os

from orrery import Case

TEXT = "the miller sold flour, the sailor sold salt\nthe miller carried flour\n" * 30


class VocabTrain(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "texts.txt").write_text(TEXT)
        self.before = set(os.listdir(self.folder))

    def test_every_algorithm_gives_a_tokenizer_of_the_size_or_less(self):
        for algorithm, size in (("byte-bpe", 290), ("bpe", 60), ("wordpiece", 60), ("unigram", 40), ("wordlevel", 12)):
            with self.subTest(algorithm):
                about = json.loads(self.succeeds("vocab", "train", "--algorithm", algorithm, "--size", size, "-o", algorithm, "texts.txt", "--json"))
                self.assertLessEqual(about["vocab_size"], size)
                self.assertEqual(len(TEXT), about["bytes"])
                ids = json.loads(self.succeeds("tokenize", algorithm, "the miller sold salt", "--json"))["ids"]
                self.assertGreater(len(ids), 3)

    def test_the_same_vocabulary_with_any_number_of_threads(self):
        for algorithm in ("byte-bpe", "unigram"):
            with self.subTest(algorithm):
                made = []
                for threads in (1, 3):
                    self.succeeds("vocab", "train", "--algorithm", algorithm, "--size", 300, "-o", f"{algorithm}{threads}", "texts.txt", "--threads", threads)
                    made.append((self.folder / f"{algorithm}{threads}" / "tokenizer.json").read_bytes())
                self.assertEqual(*made)

    def test_what_cannot_be_is_refused(self):
        self.fails(2, "vocab", "train", "--algorithm", "byte-bpe", "--size", 300, "--limit-alphabet", 4, "-o", "v", "texts.txt")
        self.fails(1, "vocab", "train", "--algorithm", "bpe", "--size", 300, "-o", "v", "absent.txt")
        self.assertIn("room", self.fails(2, "vocab", "train", "--algorithm", "unigram", "--size", 9, "-o", "v", "texts.txt"))
