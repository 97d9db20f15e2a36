"""`orrery vocab`: trained vocabularies read what they were trained on."""
import json
import os
import shutil

from orrery import ROOT, Case, call

TEXT = "the miller sold flour, the sailor sold salt\nthe miller carried flour\n" * 30


class VocabTrain(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "texts.txt").write_text(TEXT)
        self.before = set(os.listdir(self.folder))

    def test_every_algorithm_gives_a_tokenizer_of_the_size_or_less(self):
        for algorithm, size in (("byte-bpe", 290), ("bpe", 60), ("wordpiece", 60), ("unigram", 40), ("wordlevel", 12), ("parity-bpe", 290)):
            with self.subTest(algorithm):
                about = json.loads(self.succeeds("vocab", "train", "--algorithm", algorithm, "--size", size, "-o", algorithm, "texts.txt", "--json"))
                self.assertLessEqual(about["vocab_size"], size)
                self.assertEqual(len(TEXT), about["bytes"])
                ids = json.loads(self.succeeds("tokenize", algorithm, "the miller sold salt", "--json"))["ids"]
                self.assertGreater(len(ids), 3)

    def test_options_of_one_algorithm_are_refused_for_others(self):
        train = ("vocab", "train", "--size", "300", "-o", "made", "texts.txt", "--algorithm")
        self.assertIn("--seed-size is an option of unigram", self.fails(2, *train, "bpe", "--seed-size", "10"))
        self.assertIn("--held-out is an option of parity-bpe", self.fails(2, *train, "byte-bpe", "--held-out", "texts.txt"))
        self.assertIn("2 ratios for 1 languages", self.fails(2, *train, "parity-bpe", "--ratio", "1,2"))
        self.assertIn("2 held-out files for 1 languages", self.fails(2, *train, "parity-bpe", "--held-out", "texts.txt", "--held-out", "texts.txt"))

    def test_unigram_obeys_its_trainers_options(self):
        (self.folder / "words.txt").write_text("".join(f"w{i * 7919 % 1009} x{i * 31 % 97} the mill\n" for i in range(3000)))
        made = set()
        for options in ((), ("--shrinking-factor", "0.3"), ("--n-sub-iterations", "5"), ("--seed-size", "150"), ("--max-token-length", "3")):
            self.succeeds("vocab", "train", "--algorithm", "unigram", "--size", "100", "-o", "made", "words.txt", *options)
            made.add((self.folder / "made/tokenizer.json").read_bytes())
        self.assertEqual(len(made), 5)

    def test_the_same_vocabulary_with_any_number_of_threads(self):
        for algorithm in ("byte-bpe", "unigram", "parity-bpe"):
            with self.subTest(algorithm):
                made = []
                for threads in (1, 3):
                    self.succeeds("vocab", "train", "--algorithm", algorithm, "--size", 300, "-o", f"{algorithm}{threads}", "texts.txt", "--threads", threads)
                    made.append((self.folder / f"{algorithm}{threads}" / "tokenizer.json").read_bytes())
                self.assertEqual(*made)

    def test_a_limit_of_memory_says_what_was_forgotten(self):
        (self.folder / "many.txt").write_text("".join(f"word{i * 7919 % 40009} the mill\n" for i in range(80000)))
        made = []
        for threads in (1, 3):
            command = ["vocab", "train", "--algorithm", "byte-bpe", "--size", 300, "-o", f"v{threads}", "many.txt", "--memory", 1, "--threads", threads]
            told = call(*command, cwd=self.folder).stderr
            self.assertRegex(told, r"warning: \d+ times a word was forgotten to stay within --memory 1 MB: words seen at most \d+ times may be missing")
            made.append((self.folder / f"v{threads}" / "tokenizer.json").read_bytes())
        self.assertEqual(*made)

    def test_another_folder_is_not_written_over_and_not_joined_silently(self):
        learn = ("vocab", "train", "--algorithm", "byte-bpe", "--size", 300, "texts.txt", "-o")
        (self.folder / "files").mkdir()
        self.before.add("files")
        shutil.copytree(ROOT / "tests" / "goldens" / "llama", self.folder / "model")
        self.before.add("model")
        self.assertIn("holds a model", self.fails(2, *learn, "model"))
        self.assertIn("a file, not a folder", self.fails(2, *learn, "texts.txt"))
        self.assertEqual("", call(*learn, "files", cwd=self.folder).stderr)
        self.assertEqual("", call(*learn, "files", cwd=self.folder).stderr)
        (self.folder / "files" / "tokenizer.json").unlink()
        self.assertEqual("warning: the folder holds other files (files)\n", call(*learn, "files", cwd=self.folder).stderr)

    def test_a_text_is_no_tokenizer(self):
        told = self.fails(1, "vocab", "report", "texts.txt")
        self.assertIn("this is no vocabulary: none of its lines is the unknown token [UNK] (texts.txt)", told)
        self.assertIn("the folder of a model", told)
        (self.folder / "texts.md").write_text(TEXT)
        self.before.add("texts.md")
        self.assertIn("this is no tokenizer: neither JSON, nor ranks, nor a sentencepiece model (texts.md)", self.fails(1, "vocab", "report", "texts.md"))

    def test_a_size_that_cannot_be_and_a_text_that_is_none_are_told(self):
        done = call("vocab", "train", "--algorithm", "byte-bpe", "--size", 100, "-o", "v", "texts.txt", cwd=self.folder)
        self.assertRegex(done.stderr, r"\Awarning: --size 100 is less than [^\n]+: 257 tokens\n\Z")
        self.before.add("v")
        (self.folder / "empty.txt").touch()
        self.before.add("empty.txt")
        self.assertIn("no text to learn from (empty.txt)", self.fails(1, "vocab", "train", "--algorithm", "byte-bpe", "--size", 300, "-o", "w", "empty.txt"))
        self.assertIn("no text in the corpus (empty.txt)", self.fails(1, "vocab", "report", "storyteller", "--corpus", "empty.txt"))

    def test_what_cannot_be_is_refused(self):
        self.fails(2, "vocab", "train", "--algorithm", "byte-bpe", "--size", 300, "--limit-alphabet", 4, "-o", "v", "texts.txt")
        self.fails(1, "vocab", "train", "--algorithm", "bpe", "--size", 300, "-o", "v", "absent.txt")
        self.assertIn("room", self.fails(2, "vocab", "train", "--algorithm", "unigram", "--size", 9, "-o", "v", "texts.txt"))


HARD = "The miller's 1234 flour  sacks,\n\tcafé naïve 中文 🙂 <|endoftext|> don't"


class VocabConvert(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "texts.txt").write_text(TEXT)
        for algorithm in ("wordpiece", "unigram"):
            self.succeeds("vocab", "train", "--algorithm", algorithm, "--size", 60, "-o", algorithm, "texts.txt")
        self.before = set(os.listdir(self.folder))

    def ids(self, *model):
        return json.loads(self.succeeds("tokenize", *model, HARD, "--no-special", "--json"))["ids"]

    def test_the_same_ids_in_every_format_that_can_say_them(self):
        for _ in range(2):   # its own files may be replaced
            self.succeeds("vocab", "convert", "storyteller", "--to", "vocab.json", "-o", "files")
        self.assertEqual(["merges.txt", "tokenizer_config.json", "vocab.json"], sorted(os.listdir(self.folder / "files")))
        self.assertEqual(self.ids("storyteller"), self.ids("files"))
        self.succeeds("vocab", "convert", "files", "--to", "tokenizer.json", "-o", "json")
        self.assertEqual(self.ids("storyteller"), self.ids("json"))
        made = json.loads(self.succeeds("vocab", "convert", "json", "--to", "tiktoken", "-o", "ranks", "--json"))
        self.assertEqual(["pattern.txt", "special_tokens.json", "tokenizer.tiktoken", "tokenizer_config.json"], made["files"])
        ranks = self.folder / "ranks"
        flags = ("--pattern", (ranks / "pattern.txt").read_text(), "--special-tokens", "ranks/special_tokens.json")
        self.assertEqual(self.ids("storyteller"), self.ids("ranks/tokenizer.tiktoken", *flags))

    def test_word_pieces(self):
        self.succeeds("vocab", "convert", "wordpiece", "--to", "vocab.txt", "-o", "lines")
        self.assertEqual(self.ids("wordpiece"), self.ids("lines"))

    def test_a_folder_of_a_user_is_kept(self):
        (self.folder / "mine").mkdir()
        (self.folder / "mine" / "notes.txt").touch()
        self.before.add("mine")
        self.assertIn("writing would replace it (mine)", self.fails(2, "vocab", "convert", "storyteller", "--to", "vocab.json", "-o", "mine"))
        self.assertTrue((self.folder / "mine" / "notes.txt").exists())
        self.assertIn("a file, not a folder", self.fails(2, "vocab", "convert", "storyteller", "--to", "vocab.json", "-o", "mine/notes.txt"))

    def test_what_a_format_cannot_say_is_refused_with_the_reason(self):
        for model, format, reason in (("storyteller", "vocab.txt", "the model is BPE"), ("unigram", "vocab.json", "the model is Unigram"), ("unigram", "tokenizer.model", "sentencepiece's own rules")):
            with self.subTest(f"{model} to {format}"):
                self.assertIn(reason, self.fails(1, "vocab", "convert", model, "--to", format, "-o", "none"))


DOMAIN = "".join(f"electroplating anode {i % 9} in the cathode bath of the electroplating line\n" for i in range(400))


class VocabReport(Case):
    def report(self, *args):
        return json.loads(self.succeeds("vocab", "report", "storyteller", *args, "--json"))

    def test_the_shipped_terms_give_every_number(self):
        report = self.report()
        self.assertEqual(50, len(report["terms"]))
        self.assertAlmostEqual(sum(term["tokens"] for term in report["terms"]) / 50, report["mean_tokens_per_term"], 9)
        self.assertIn(report["verdict"], ("fits", "watch", "extend", "train your own"))
        self.assertTrue(all("".join(term["pieces"]) == term["term"] for term in report["terms"]))
        self.assertEqual([term for term in report["terms"] if term["heavily_split"]], sorted(report["heavily_split"], key=report["terms"].index))
        self.assertEqual(1, report["languages"][0]["parity"])
        self.assertGreater(report["vocabulary"]["size"], 0)
        self.assertIsNone(report["extension"])

    def test_terms_and_corpus_of_the_user(self):
        (self.folder / "terms.tsv").write_text("term\tkind\nanode\tpart\nA-99/B\tproduct code\n")
        (self.folder / "domain.txt").write_text(DOMAIN)
        report = self.report("--terms", "terms.tsv", "--corpus", "domain.txt", "--csv", "terms.csv", "--tokens", 40, "--price", 2, "--pages", 10)
        self.assertEqual(["anode", "A-99/B"], [term["term"] for term in report["terms"]])
        self.assertEqual("corpus", report["domain_is"])
        self.assertGreater(report["extension"]["shorter"], 0.2)
        self.assertEqual(0, report["extension"]["texts_longer"])
        self.assertAlmostEqual(report["cost"]["tokens"] * 2 / 1e6, report["cost"]["price"], 12)
        self.assertEqual(3, len((self.folder / "terms.csv").read_text().splitlines()))
        for term in report["terms"]:
            self.assertEqual(term["tokens"], len(json.loads(self.succeeds("tokenize", "storyteller", term["term"], "--no-special", "--json"))["ids"]))

    def test_tokenizers_side_by_side(self):
        (self.folder / "domain.txt").write_text(DOMAIN)
        self.succeeds("vocab", "train", "--algorithm", "byte-bpe", "--size", 400, "-o", "own", "domain.txt")
        report = self.report("--corpus", "domain.txt", "--compare", "own", "--compare", "storyteller")
        own, same = report["compare"]
        self.assertLess(own["domain"]["fertility"], report["domain"]["fertility"])
        self.assertEqual("vocabulary", own["first_difference"]["cause"])
        self.assertIsNone(same["first_difference"])
        self.assertEqual(report["domain"], same["domain"])
        told = self.succeeds("vocab", "report", "storyteller", "--compare", "own", "--compare", "storyteller")
        self.assertIn("storyteller and storyteller cut every text in the same way.", told)
        self.assertIn("First difference", self.succeeds("vocab", "report", "storyteller", "--compare", "own"))

    def test_what_cannot_be_read_is_refused(self):
        self.fails(1, "vocab", "report", "storyteller", "--terms", "absent.tsv")
        self.fails(1, "vocab", "report", "absent")


class VocabExtend(Case):
    def test_old_ids_and_rows_stay_and_the_domain_gets_shorter(self):
        (self.folder / "domain.txt").write_text(DOMAIN)
        told = json.loads(self.succeeds("vocab", "extend", "storyteller", "--corpus", "domain.txt", "--tokens", 30, "-o", "extended", "--json"))
        before, after = (json.loads(self.succeeds("info", model, "--json")) for model in ("storyteller", "extended"))
        self.assertEqual(before["vocab_size"] + told["rows_added"], after["vocab_size"])
        self.assertGreater(told["held_out_shorter"], 0.2)
        encode = lambda model, text: json.loads(self.succeeds("tokenize", model, text, "--no-special", "--json"))
        for text in ("Once upon a time, a fox named Ella lived here.", "in the line"):
            self.assertEqual(encode("storyteller", text)["ids"], encode("extended", text)["ids"])
        short = encode("extended", "electroplating anode")
        self.assertLess(len(short["ids"]), len(encode("storyteller", "electroplating anode")["ids"]))
        self.assertEqual("electroplating anode", short["decoded"])
        prompt = ("-p", "One day, a fox", "--max-new-tokens", 1, "--logprobs", 1, "--json")
        self.assertEqual(json.loads(self.succeeds("generate", "storyteller", *prompt))["ids"], json.loads(self.succeeds("generate", "extended", *prompt))["ids"])

    def test_merges_are_appended_for_the_domains_own_tokens(self):
        (self.folder / "domain.txt").write_text(DOMAIN)
        told = json.loads(self.succeeds("vocab", "extend", "storyteller", "--corpus", "domain.txt", "--tokens", 30, "--method", "append-merges", "-o", "extended", "--json"))
        self.assertEqual("append-merges", told["method"])
        self.assertEqual(0, told["held_out_texts_longer"])
        self.assertGreater(told["held_out_shorter"], 0.2)
        self.assertEqual(told["tokens_added"], len(told["tokens"]))
        self.assertLess(told["tokens_unused"], told["tokens_added"])
        text = ("Once upon a time, a fox named Ella lived here.", "--no-special", "--json")
        self.assertEqual(json.loads(self.succeeds("tokenize", "storyteller", *text))["ids"], json.loads(self.succeeds("tokenize", "extended", *text))["ids"])
        self.succeeds("vocab", "train", "--algorithm", "unigram", "--size", 60, "-o", "pieces", "domain.txt")
        self.before = set(os.listdir(self.folder))
        self.assertIn("no merges", self.fails(1, "vocab", "extend", "pieces", "--corpus", "domain.txt", "--tokens", 5, "--method", "append-merges", "-o", "more"))

    def test_a_tokenizer_alone_is_extended_alone(self):
        (self.folder / "domain.txt").write_text(DOMAIN)
        self.succeeds("vocab", "train", "--algorithm", "bpe", "--size", 60, "-o", "own", "domain.txt")
        self.succeeds("vocab", "extend", "own", "--corpus", "domain.txt", "--tokens", 5, "-o", "more")
        self.assertTrue((self.folder / "more" / "tokenizer.json").is_file())
