"""What a user sees of models: texts, numbers, errors of one line. Needs ../shared/models."""
import ast
import json
import pathlib
import struct
import tempfile
import unittest

from orrery import SHARED, Case, call

MODELS = SHARED / "models"
STORIES, SORT, MINILM, CLASSIFIER = (MODELS / name for name in
                                     ("stories260k", "gpt2-sort", "minilm-l6-v2", "fixture-bert-classifier-random"))


@unittest.skipUnless(SHARED.is_dir(), "../shared is not here")
class Models(Case):
    def json(self, *args, **more):
        return json.loads(self.succeeds(*args, "--json", **more))

    def npy(self, name):
        bytes_ = (self.folder / name).read_bytes()
        length = struct.unpack("<H", bytes_[8:10])[0]
        return ast.literal_eval(bytes_[10:10 + length].decode()), bytes_[10 + length:]

    def test_info_counts_and_prints_the_graph(self):
        about = self.json("info", STORIES)
        self.assertEqual((260032, 5, 8, 64, 512, 512, 1040128),
                         tuple(about[key] for key in ("parameters", "num_layers", "num_heads", "hidden_size", "vocab_size",
                                                      "max_positions", "weights_bytes")))
        graph = self.succeeds("info", STORIES, "--graph")
        self.assertIn("attention", graph)
        self.assertIn("{kind=silu}", graph)
        self.assertNotRegex(graph, r"kind=\d")
        self.assertTrue(self.succeeds("info", STORIES, "--graph", "dot").startswith("digraph"))
        self.fails(2, "info", STORIES, "dot")
        self.assertGreater(len(self.succeeds("info", MINILM).splitlines()), 6)

    def test_generate_prints_the_text_alone(self):
        text = self.succeeds("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 12)
        self.assertEqual(", there was a little girl named Lily. She\n", text)
        made = self.json("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 12)
        self.assertEqual(text, made["text"] + "\n")
        self.assertEqual(("length", 5, 12), (made["finish_reason"], made["prompt_tokens"], made["generated_tokens"]))

    def test_generate_stops(self):
        made = self.json("generate", STORIES, "-p", "Once upon a time", "--stop-strings", " She")
        self.assertEqual((", there was a little girl named Lily.", "stop"), (made["text"], made["finish_reason"]))

    def test_sampling_repeats_with_its_seed(self):
        args = ("generate", STORIES, "-p", "Once", "--temperature", 1.2, "--max-new-tokens", 20)
        first = self.succeeds(*args, "--seed", 5)
        self.assertEqual(first, self.succeeds(*args, "--seed", 5, "--threads", 1))
        self.assertNotEqual(first, self.succeeds(*args, "--seed", 6))
        greedy = self.succeeds("generate", STORIES, "-p", "Once", "--max-new-tokens", 20)
        self.assertEqual(greedy, self.succeeds(*args[:-4], "--temperature", 0, "--max-new-tokens", 20))

    def test_a_file_of_prompts_gives_a_line_each(self):
        (self.folder / "prompts.jsonl").write_text('"Once upon a time"\n{"prompt": "The cat"}\n\n{"prompt_ids": [1, 403]}\n')
        lines = self.succeeds("generate", STORIES, "--jsonl", "prompts.jsonl", "--max-new-tokens", 5, "--json").splitlines()
        alone = self.json("generate", STORIES, "-p", "The cat", "--max-new-tokens", 5)
        self.assertEqual(3, len(lines))
        self.assertEqual(alone["ids"], json.loads(lines[1])["ids"])
        (self.folder / "bad.jsonl").write_text('"Once"\n{"nothing": 1}\n')
        self.assertIn("line 2", self.call_fails(1, "generate", STORIES, "--jsonl", "bad.jsonl"))

    def call_fails(self, code, *args):
        done = call(*args, cwd=self.folder)
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertRegex(done.stderr, r"\Aerror: [^\n]+\n(hint: [^\n]+\n)?\Z")
        return done.stderr

    def test_what_a_model_cannot_do_is_said_in_one_line(self):
        self.assertIn("token id 3 at position 1", self.fails(1, "generate", SORT, "--prompt-ids", "2,3"))
        self.assertIn("12 tokens are more than the 11 positions", self.fails(1, "generate", SORT, "--prompt-ids", ",".join("0" * 12)))
        self.fails(2, "generate", SORT)  # an empty prompt, and nothing to begin from
        self.assertIn("no tokenizer", self.fails(1, "generate", SORT, "-p", "text"))
        self.assertIn("does not generate", self.fails(1, "generate", MINILM, "-p", "text"))
        self.assertIn("does not classify", self.fails(1, "classify", STORIES, "text"))
        self.fails(1, "logits", SORT, "--ids", "0,9")
        self.fails(1, "generate", "no/such/model", "-p", "text")
        self.fails(2, "generate", STORIES, "-p", "a", "--prompt-ids", "1")
        self.fails(2, "generate", STORIES, "-p", "a", "--temperature", "-1")
        self.fails(2, "tokenize", STORIES)
        self.fails(1, "evaluate", "perplexity", MINILM, "--file", MODELS / "README.md")

    def test_tokenize_in_all_its_forms(self):
        row = self.json("tokenize", STORIES, "Once upon")
        self.assertEqual([1, 403, 407], row["ids"])
        self.assertEqual([[0, 0], [0, 4], [4, 9]], row["offsets"])
        self.assertEqual([403, 407], self.json("tokenize", STORIES, "Once upon", "--no-special")["ids"])
        self.assertEqual("Once upon", self.json("tokenize", STORIES, "--decode", "1,403,407", "--no-special")["text"])
        lines = self.succeeds("tokenize", STORIES, "--file", "-", "--lines", "--json", stdin="Once upon\nOnce\n")
        self.assertEqual([[1, 403, 407], [1, 403]], [json.loads(line)["ids"] for line in lines.splitlines()])
        (self.folder / "texts.jsonl").write_text('{"text": "Once"}\n{"base64": "T25jZQ=="}\n')
        rows = [json.loads(line) for line in self.succeeds("tokenize", STORIES, "--jsonl", "texts.jsonl", "--json").splitlines()]
        self.assertEqual(rows[0], rows[1])
        self.succeeds("tokenize", STORIES / "tokenizer.json", "Once upon", "-o", "ids.npy")
        header, values = self.npy("ids.npy")
        self.assertEqual(("<u4", (3,)), (header["descr"], header["shape"]))
        self.assertEqual((1, 403, 407), struct.unpack("<3I", values))
        pair = self.json("tokenize", MINILM, "cat", "--pair", "dog")
        self.assertEqual([0, 0, 0, 1, 1], pair["type_ids"])
        special = "[SEP]"
        self.assertNotEqual(self.json("tokenize", MINILM, special)["ids"],
                            self.json("tokenize", MINILM, special, "--allow-special", "none")["ids"])
        self.call_fails(1, "tokenize", STORIES, "--decode", "70000")

    def test_logits_go_to_a_file(self):
        made = self.json("logits", SORT, "--ids", "2,0,1", "-o", "logits.npy")
        header, values = self.npy("logits.npy")
        self.assertEqual(([3, 3], (3, 3), "<f4"), (made["shape"], header["shape"], header["descr"]))
        last = struct.unpack("<9f", values)[6:]
        self.assertEqual(last.index(max(last)), made["argmax"])
        self.assertEqual([3, 48], self.json("logits", SORT, "--ids", "2,0,1", "--hidden")["shape"])

    def test_embeddings_are_unit_vectors_where_the_model_says_so(self):
        one = self.json("embed", MINILM, "The cat sat on the mat.")["embedding"]
        self.assertAlmostEqual(1, sum(x * x for x in one), places=5)
        plain = self.json("embed", MINILM, "The cat sat on the mat.", "--no-normalize")["embedding"]
        self.assertNotAlmostEqual(1, sum(x * x for x in plain), places=2)
        lines = self.succeeds("embed", MINILM, "--file", "-", "--lines", "--json", stdin="A rug.\nThe cat sat on the mat.\n").splitlines()
        self.assertEqual(one, json.loads(lines[1])["embedding"])

    def test_classify_tells_label_and_score(self):
        made = self.json("classify", CLASSIFIER, "hello there")
        self.assertIn(made["label"], ("LABEL_0", "LABEL_1"))
        self.assertTrue(0.5 <= made["score"] <= 1)
        everything = self.json("classify", CLASSIFIER, "hello there", "--all")
        self.assertAlmostEqual(1, sum(everything["scores"].values()))

    def test_benches_measure(self):
        made = self.json("bench", SORT, "--prompt-tokens", 4, "--new-tokens", 3, "--repeat", 1)
        self.assertGreater(made["decode_tokens_per_second"], 0)
        self.assertEqual({"p50", "p99"}, set(made["latency_ms"]))
        made = self.json("bench", "tokenize", STORIES, "--file", SHARED / "data/text/tinystories-sample.txt", "--repeat", 1)
        self.assertEqual({"ids", "offsets", "decode"}, set(made["megabytes_per_second"]))

    def test_weights_may_be_held_in_16_bits(self):
        whole = self.json("info", STORIES)["weights_bytes"]
        self.assertLess(self.json("info", STORIES, "--dtype", "bf16")["weights_bytes"], 0.51 * whole)
        text = self.succeeds("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 8, "--dtype", "bf16", "--kv-dtype", "bf16")
        self.assertIn("there was", text)
        self.assertIn("there was", self.succeeds("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 8, "--kv-dtype", "q8_0"))
        self.assertLess(self.json("info", STORIES, "--kv-dtype", "q8_0")["cache_bytes_per_token"], 0.32 * self.json("info", STORIES)["cache_bytes_per_token"])
        self.assertEqual("q8_0", self.json("info", STORIES, "--dtype", "q8_0")["dtype"])
        for blocks in ("q8_0", "q5_0", "q4_0", "int8"):
            self.succeeds("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 8, "--dtype", blocks)
        self.fails(2, "info", STORIES, "--dtype", "q3_x")
        self.fails(2, "info", STORIES, "--device", "cuda")

    def test_products_may_be_of_bf16(self):
        logits = []
        for dtype in ("f32", "bf16", "bf16"):
            with tempfile.TemporaryDirectory() as folder:
                self.succeeds("logits", STORIES, "Once upon a time", "--compute-dtype", dtype, "-o", f"{folder}/logits.npy")
                logits.append(pathlib.Path(folder, "logits.npy").read_bytes())
        self.assertNotEqual(logits[0], logits[1])
        self.assertEqual(logits[1], logits[2])
        self.assertIn("there was", self.succeeds("generate", STORIES, "-p", "Once upon a time", "--max-new-tokens", 8, "--compute-dtype", "bf16"))
        self.fails(2, "info", STORIES, "--compute-dtype", "f16")

    def test_products_of_bf16_are_of_what_blocks_say(self):
        with tempfile.TemporaryDirectory() as folder:
            def logits(*options, model=f"{folder}/blocks.gguf"):
                self.succeeds("logits", model, "--ids", "5,9,3,200,7", *options, "-o", f"{folder}/logits.npy")
                return pathlib.Path(folder, "logits.npy").read_bytes()

            self.succeeds("convert", STORIES, f"{folder}/blocks.gguf", "--quantize", "q4_0")
            in_bf16 = logits("--compute-dtype", "bf16")
            self.assertEqual(logits("--dtype", "f32", "--compute-dtype", "bf16"), in_bf16)
            self.assertNotEqual(logits(), in_bf16)
            self.assertEqual(logits(), logits("--compute-dtype", "f32"))
            sizes = [self.json("info", f"{folder}/blocks.gguf", *options)["packed_bytes"] for options in ((), ("--compute-dtype", "bf16"), ("--dtype", "f32"))]
            self.assertLess(2 * sizes[0], sizes[1])
            self.assertAlmostEqual(2 * sizes[1], sizes[2], delta=0.02 * sizes[2])
            self.assertNotEqual(*(logits("--dtype", "q8_0", *options, model=STORIES) for options in ((), ("--compute-dtype", "bf16"))))

    def test_weights_may_be_rounded_to_int8(self):
        with tempfile.TemporaryDirectory() as folder:
            def logits(model, *options):
                self.succeeds("logits", model, "--ids", ",".join(map(str, range(60))), *options, "-o", f"{folder}/logits.npy")
                written = pathlib.Path(folder, "logits.npy").read_bytes()[-60 * 512 * 4:]
                return struct.unpack(f"<{len(written) // 4}f", written)

            self.assertEqual("int8", self.json("info", STORIES, "--dtype", "int8")["dtype"])
            self.succeeds("convert", STORIES, f"{folder}/blocks.gguf", "--quantize", "q8_0")
            for model in (STORIES, f"{folder}/blocks.gguf"):
                with self.subTest(model):
                    sizes = [self.json("info", model, "--dtype", dtype)["packed_bytes"] for dtype in ("int8", "f32")]
                    self.assertLess(sizes[0], 0.3 * sizes[1])
                    in_int8 = logits(model, "--dtype", "int8")
                    self.assertEqual(in_int8, logits(model, "--dtype", "int8", "--threads", 1))
                    floats = logits(model, "--dtype", "f32")
                    self.assertNotEqual(floats, in_int8)
                    product = sum(x * y for x, y in zip(floats, in_int8))
                    self.assertGreater(product / (sum(x * x for x in floats) * sum(x * x for x in in_int8)) ** 0.5, 0.99)
        self.assertIn("not of bf16", self.fails(2, "logits", STORIES, "--ids", "5", "--dtype", "int8", "--compute-dtype", "bf16"))
