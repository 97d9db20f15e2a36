"""What a user sees of tokenizers alone: their files in every format, the plain ones, stages and reasons."""
import base64
import json
import struct
import unittest

from orrery import SHARED, Case

PATTERN = r"[a-z]+|\s|[^a-z\s]++"


class Tokenize(Case):
    def json(self, *args, **more):
        return json.loads(self.succeeds("tokenize", *args, "--json", **more))

    def rank_file(self, name="words.tiktoken"):
        tokens = [bytes([b]) for b in range(256)] + [b"he", b"ll", b"hell", b"hello", b" w"]
        (self.folder / name).write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
        self.before.add(name)
        return name

    def test_rank_files_take_their_expression_and_special_tokens(self):
        ranks = self.rank_file()
        self.assertIn("--pattern", self.fails(2, "tokenize", ranks, "hello"))
        given = (ranks, "--pattern", PATTERN, "--special-tokens", '{"<|end|>": 300}')
        self.assertEqual([259, 32, 258, 300], self.json(*given, "hello hell<|end|>")["ids"])
        self.assertNotIn(300, self.json(*given, "hello<|end|>", "--allow-special", "none")["ids"])
        self.assertEqual("hello<|end|>", self.json(*given, "--decode", "259,300")["text"])
        row = self.json(*given, "é", "--offsets", "byte")
        self.assertEqual(([195, 169], [[0, 2], [0, 2]]), (row["ids"], row["offsets"]))
        self.fails(2, "tokenize", ranks, "hello", "--special-tokens", '["<|end|>"]')
        self.fails(2, "tokenize", ranks, "hello", "--pattern", PATTERN, "--special-tokens", '[1]')

    def test_bytes_that_are_no_text_are_tokens_of_a_rank_file(self):
        ranks = self.rank_file()
        (self.folder / "bytes.jsonl").write_text(json.dumps({"base64": base64.b64encode(b"hello \xff").decode()}) + "\n")
        self.before.add("bytes.jsonl")
        self.assertEqual([259, 32, 255], self.json(ranks, "--pattern", PATTERN, "--jsonl", "bytes.jsonl")["ids"])

    def test_the_plain_tokenizers_need_no_file(self):
        self.assertEqual([72, 105, 195, 169], self.json("bytes", "Hié")["ids"])
        self.assertEqual([1, 2, 3, 1, 4], self.json("characters", "abcad")["ids"])
        self.assertEqual([1, 2, 1], self.json("whitespace", "to be to")["ids"])

    def word_level(self, **more):
        words = "[PAD] [UNK] [CLS] [SEP] a b c d e".split()
        template = {"type": "TemplateProcessing", "pair": [], "special_tokens": {t: {"id": t, "ids": [words.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")},
                    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]}
        added = [{"id": i, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i in range(4)]
        (self.folder / "words.json").write_text(json.dumps({"pre_tokenizer": {"type": "WhitespaceSplit"}, "added_tokens": added, "post_processor": template,
                                                            "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {w: i for i, w in enumerate(words)}}} | more))
        self.before.add("words.json")
        return "words.json"

    def test_texts_are_cut_and_filled_up(self):
        words = self.word_level()
        row = self.json(words, "a b c d e", "--max-length", "4", "--stride", "1")
        self.assertEqual([2, 4, 5, 3], row["ids"])
        self.assertEqual([[2, 5, 6, 3], [2, 6, 7, 3], [2, 7, 8, 3]], [part["ids"] for part in row["overflowing"]])
        self.assertEqual([[0, 0], [2, 3], [4, 5], [0, 0]], row["overflowing"][0]["offsets"])
        self.assertIn("cut off, 3 of 3", self.succeeds("tokenize", words, "a b c d e", "--max-length", "4", "--stride", "1"))
        row = self.json(words, "a", "--padding", "max_length", "--max-length", "5", "--padding-side", "left")
        self.assertEqual(([0, 0, 2, 4, 3], [0, 0, 1, 1, 1]), (row["ids"], row["attention_mask"]))
        (self.folder / "lines.txt").write_text("a b c\n\na\n")
        self.before.add("lines.txt")
        rows = [json.loads(line) for line in self.succeeds("tokenize", words, "--file", "lines.txt", "--lines", "--padding", "longest", "--pad-to-multiple-of", "4", "--json").splitlines()]
        self.assertEqual([[2, 4, 5, 6, 3, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0], [2, 4, 3, 0, 0, 0, 0, 0]], [row["ids"] for row in rows])

    def test_a_file_cuts_texts_only_where_asked(self):
        words = self.word_level(truncation={"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 1},
                                padding={"strategy": {"Fixed": 6}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 0, "pad_token": "[UNK]"})
        self.assertEqual([2, 4, 5, 6, 7, 3], self.json(words, "a b c d")["ids"])
        row = self.json(words, "a b c d", "--truncation", "file", "--padding", "file")
        self.assertEqual(([2, 6, 7, 3, 1, 1], [2, 5, 6, 3, 1, 1]), (row["ids"], row["overflowing"][0]["ids"]))

    def test_wrong_lengths_are_refused(self):
        words = self.word_level()
        for flags, told in ((("--stride", "1"), "nothing is cut"), (("--pad-token", "a"), "nothing is filled up"), (("--truncation", "longest_first"), "--max-length"),
                            (("--padding", "max_length"), "--max-length"), (("--truncation", "file"), "does not say"), (("--padding", "file"), "does not say"),
                            (("--max-length", "0"), "--max-length"), (("--truncation", "middle"), "longest_first")):
            self.assertIn(told, self.fails(2, "tokenize", words, "a b", *flags))
        self.assertIn("no token 'z'", self.fails(1, "tokenize", words, "a b", "--padding", "longest", "--pad-token", "z"))
        self.assertIn("no progress", self.fails(1, "tokenize", words, "a b c d", "--max-length", "4", "--stride", "2"))

    def test_words_that_are_cut_already(self):
        words = self.word_level()
        (self.folder / "w.jsonl").write_text('{"text": ["a b", "c"]}\n')
        (self.folder / "mixed.jsonl").write_text('{"text": ["a"], "pair": "b"}\n')
        self.before.update(["w.jsonl", "mixed.jsonl"])
        row = self.json(words, "--jsonl", "w.jsonl")
        self.assertEqual(([2, 4, 5, 6, 3], [None, 0, 0, 1, None], [[0, 0], [0, 1], [2, 3], [0, 1], [0, 0]]), (row["ids"], row["words"], row["offsets"]))
        self.assertIn("list of words", self.fails(1, "tokenize", words, "--jsonl", "mixed.jsonl"))
        self.assertIn("--stages", self.fails(2, "tokenize", words, "--jsonl", "w.jsonl", "--stages"))

    def test_stages_tell_every_step_and_reason(self):
        (self.folder / "tokenizer.json").write_text(json.dumps({
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "StripAccents"}]},
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "abc": 5}, "merges": ["a b", "ab c"]}}))
        self.before.add("tokenizer.json")
        row = self.json("tokenizer.json", "ABC b", "--stages")
        self.assertEqual(["text", "Lowercase", "StripAccents", "Whitespace"], [step["step"] for step in row["stages"]["steps"]])
        self.assertEqual(["abc", "b"], row["stages"]["steps"][-1]["pieces"])
        why = row["stages"]["pieces"][0]["why"]
        self.assertEqual([(0, "ab"), (1, "abc")], [(merge["rank"], merge["token"]) for merge in why["merges"]])
        told = self.succeeds("tokenize", "tokenizer.json", "ABC b", "--stages")
        self.assertIn("rank 1: ab + c = abc", told)

    def test_gguf_vocabularies(self):
        def text(value):
            return struct.pack("<Q", len(value.encode())) + value.encode()

        def texts(values):
            return struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))

        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁sun", "day"]
        fields = {"model": struct.pack("<I", 8) + text("bert"), "tokens": texts(tokens),
                  "token_type": struct.pack("<IIQ", 9, 5, 6) + struct.pack("<6i", 3, 2, 3, 3, 1, 1)}
        (self.folder / "v.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(fields)) +
                                             b"".join(text("tokenizer.ggml." + key) + value for key, value in fields.items()))
        (self.folder / "cut.gguf").write_bytes((self.folder / "v.gguf").read_bytes()[:70])
        self.before.update(["v.gguf", "cut.gguf"])
        self.assertEqual(["[CLS]", "sun", "##day", "[SEP]"], self.json("v.gguf", "Sunday")["tokens"])
        self.assertIn("cut.gguf", self.fails(1, "tokenize", "cut.gguf", "Sunday"))

    def test_a_long_text_has_the_same_tokens_on_any_number_of_threads(self):
        (self.folder / "long.txt").write_text("".join(f"Once upon a time, {i} hens\nsang naïvely. " for i in range(10000)))
        self.before.add("long.txt")
        one, two = (self.json("storyteller", "--file", "long.txt", "--threads", n) for n in (1, 2))
        self.assertGreater(len(one["ids"]), 10000)
        self.assertEqual(one, two)

    @unittest.skipUnless(SHARED.is_dir(), "../shared is not here")
    def test_sentencepiece_files_answer_as_that_library(self):
        row = self.json(SHARED / "models" / "stories260k" / "tokenizer.model", " Once", "--offsets", "byte")
        self.assertEqual(([410, 403], "Once"), (row["ids"], row["tokens"][1].strip("▁")))
        self.assertIn("score", self.succeeds("tokenize", SHARED / "models" / "stories260k" / "tokenizer.model", "Once", "--stages"))


if __name__ == "__main__":
    unittest.main()
