"""Broken, hostile and contradictory files: one line that names what is wrong, at once, without the memory that the file
claims to need, and nothing half-written."""
import json
import os
import resource
import struct
import subprocess

from orrery import BINARY, Case


def at_most_half_a_minute():
    """What hangs is killed."""
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))


LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1, "hidden_size": 8,
         "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16, "vocab_size": 6,
         "max_position_embeddings": 16, "tie_word_embeddings": True}
TOKENIZER = {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3}, "merges": ["a b"]}}
SIZES = {"BF16": 2, "F32": 4}
BYTES_AT_MOST = 200 << 20   # of memory: far more than an empty process takes, far less than a hostile size asks for


def weights(config):
    """The shapes of a Llama's tensors."""
    hidden, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    kv = config["num_key_value_heads"] * (hidden // heads)
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], hidden], "model.norm.weight": [hidden]}
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes |= {at + "self_attn.q_proj.weight": [hidden, hidden], at + "self_attn.k_proj.weight": [kv, hidden],
                   at + "self_attn.v_proj.weight": [kv, hidden], at + "self_attn.o_proj.weight": [hidden, hidden],
                   at + "mlp.gate_proj.weight": [inner, hidden], at + "mlp.up_proj.weight": [inner, hidden],
                   at + "mlp.down_proj.weight": [hidden, inner], at + "input_layernorm.weight": [hidden],
                   at + "post_attention_layernorm.weight": [hidden]}
    return shapes


def header_of(shapes):
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 4
        for axis in shape:
            size *= axis
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    return header, offset


def packed(header, data, length=None):
    """A safetensors file: the header as given bytes or JSON, then `data` bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(data)


def one(**fields):
    return {"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4], **fields}}


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        self.model.mkdir()
        self.write("config.json", LLAMA)
        self.write("tokenizer.json", TOKENIZER)
        self.write("model.safetensors", packed(*header_of(weights(LLAMA))))
        self.before = set(os.listdir(self.folder))

    def write(self, name, content):
        (self.model / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def config(self, *without, **changes):
        self.write("config.json", {key: value for key, value in {**LLAMA, **changes}.items() if key not in without})

    def measured(self, *args, limits=None):
        """Exit code, stdout, stderr and bytes of memory of one call."""
        out, err = self.folder.parent / (self.folder.name + ".out"), self.folder.parent / (self.folder.name + ".err")
        self.addCleanup(lambda: [path.unlink(missing_ok=True) for path in (out, err)])
        with open(out, "w") as stdout, open(err, "w") as stderr:
            process = subprocess.Popen([str(BINARY), *map(str, args)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                       cwd=self.folder, preexec_fn=limits)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, out.read_text(), err.read_text(), usage.ru_maxrss << 10

    def refused(self, *says, call=("info", "model"), code=1, memory=BYTES_AT_MOST):
        """One line `error: WHAT (WHERE)`, perhaps a hint, that holds each of `says`; cheap; nothing written."""
        files = sorted(os.listdir(self.model))
        status, out, err, peak = self.measured(*call, limits=at_most_half_a_minute)
        self.assertEqual((code, ""), (status, out), err)
        self.assertRegex(err, r"\Aerror: [^\n]+ \([^\n]+\)\n(hint: [^\n]+\n)?\Z")
        for text in says:
            self.assertIn(text, err)
        self.assertLess(peak, memory, err)
        self.assertEqual([], self.new_files())
        self.assertEqual(files, sorted(os.listdir(self.model)))
        return err

    def accepted(self, *call):
        status, out, err, _ = self.measured(*(call or ("info", "model")))
        self.assertEqual(0, status, err)
        return out, err


class Safetensors(BadInput):
    def file(self, header, data=0, length=None):
        self.write("model.safetensors", header if data is None else packed(header, data, length))

    def test_the_model_of_these_tests_is_sound(self):
        self.accepted()
        self.accepted("generate", "model", "-p", "ab")

    def test_too_short_for_a_length(self):
        self.file(b"1234567", None)
        self.refused("7 bytes: too short for the length")

    def test_a_header_length_beyond_the_file(self):
        self.file({}, length=1 << 63)
        self.refused("9223372036854775808 bytes", "past the end of the file")
        self.file({}, length=3)
        self.refused("claims 3 bytes, but only 2 follow")

    def test_a_header_over_the_limit(self):
        self.file({}, length=100_000_001)
        self.refused("100000001", "over the limit of 100000000")

    def test_a_header_that_is_not_utf8(self):
        self.file(b'{"a\xff":{}}')
        self.refused("UTF-8", "header byte 4")

    def test_a_header_that_does_not_start_with_a_brace(self):
        for header in (b" {}", b"[]"):
            self.file(header)
            self.refused("does not start with '{'")

    def test_tensors_that_overlap(self):
        self.file({**one(), "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}}, 6)
        self.refused("'a'", "'b'", "overlaps")

    def test_a_hole_between_tensors(self):
        self.file({**one(), "b": {"dtype": "U8", "shape": [4], "data_offsets": [6, 10]}}, 10)
        self.refused("gap", "bytes 4 to 6")

    def test_offsets_that_run_backwards(self):
        self.file(one(data_offsets=[4, 0]), 4)
        self.refused("'a'", "[4, 0]")
        self.file(one(data_offsets=[-4, 0]), 4)
        self.refused("'a'", "[-4, 0]")

    def test_a_shape_that_needs_other_bytes(self):
        self.file(one(dtype="F32"), 4)
        self.refused("'a'", "16 bytes", "span 4")
        self.file(one(shape=[1 << 40, 1 << 40]), 4)
        self.refused("overflows")

    def test_an_unknown_dtype(self):
        self.file(one(dtype="F12"), 4)
        self.refused("'F12'", "F64, F32, BF16, F16, I64")

    def test_bytes_after_the_last_tensor(self):
        self.file(one(), 7)
        self.refused("3 bytes after the last tensor")

    def test_a_pointer_of_git_lfs(self):
        self.file(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", None)
        self.refused("Git LFS pointer", "git lfs pull")

    def test_metadata_that_is_no_string(self):
        self.file({"__metadata__": {"step": 7}})
        self.refused("metadata value of key 'step'", "not a string")

    def test_a_file_cut_anywhere(self):
        whole = (self.model / "model.safetensors").read_bytes()
        for size in (0, 8, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(bytes=size):
                self.file(whole[:size], None)
                self.refused("model.safetensors")

    def test_other_formats(self):
        for content, says in ((b"GGUF\x03\0\0\0" + bytes(16), "GGUF"), (b"PK\x03\x04" + bytes(40), "zip"), (b"<!DOCTYPE html>", "web page")):
            self.file(content, None)
            self.refused(says)

    def test_a_gguf_file_as_the_model(self):
        (self.folder / "a.gguf").write_bytes(b"GGUF\x03\0\0\0" + bytes(16))
        self.before.add("a.gguf")
        self.refused("GGUF", "a.gguf", call=("info", "a.gguf"))


class Index(BadInput):
    def setUp(self):
        super().setUp()
        os.remove(self.model / "model.safetensors")
        shapes = weights(LLAMA)
        self.parts = [dict(list(shapes.items())[:5]), dict(list(shapes.items())[5:])]
        self.files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        for name, part in zip(self.files, self.parts):
            self.write(name, packed(*header_of(part)))
        self.map = {tensor: name for name, part in zip(self.files, self.parts) for tensor in part}
        self.index()

    def index(self, **changes):
        self.write("model.safetensors.index.json", {"metadata": {}, "weight_map": {**self.map, **changes}})

    def test_a_path_that_leaves_the_folder(self):
        self.accepted()
        for path in ("../x.safetensors", "/etc/passwd", "..", "sub/x.safetensors"):
            with self.subTest(path=path):
                self.index(**{"model.norm.weight": path})
                self.refused("model.norm.weight", f"'{path}'", "not the name of a file" if path[0] == "s" else "outside the model's folder")

    def test_a_missing_shard(self):
        os.remove(self.model / self.files[1])
        self.refused(self.files[1], "missing", f"{len(self.parts[1])} tensors", next(iter(self.parts[1])))

    def test_a_tensor_in_two_shards(self):
        both = {**self.parts[1], "model.norm.weight": [8]}
        self.write(self.files[1], packed(*header_of(both)))
        self.refused("model.norm.weight", *self.files)

    def test_a_tensor_that_is_not_where_the_index_says(self):
        self.index(**{"model.norm.weight": self.files[1]})
        self.refused("model.norm.weight", self.files[1])

    def test_a_tensor_listed_twice(self):
        text = json.dumps({"weight_map": self.map})
        self.write("model.safetensors.index.json", text.replace("{\"model.", f'{{"model.norm.weight": "{self.files[1]}", "model.', 1).encode())
        self.refused("model.norm.weight", "twice")


class Configs(BadInput):
    def test_a_hidden_size_that_heads_do_not_divide(self):
        for size in (0, -8, 9):
            with self.subTest(hidden_size=size):
                self.config(hidden_size=size)
                self.refused(f"hidden_size {size} must be a positive multiple of num_attention_heads 2")

    def test_key_value_heads_that_do_not_divide_the_heads(self):
        self.config(num_attention_heads=4, num_key_value_heads=3)
        self.refused("num_attention_heads 4", "num_key_value_heads 3", "multiple")

    def test_more_layers_than_the_file_has(self):
        self.config(num_hidden_layers=10**9)
        self.refused("num_hidden_layers", "1000000000")
        self.config(num_hidden_layers=4000)
        self.refused("num_hidden_layers is 4000", "1 layer")
        self.config(num_hidden_layers=2)
        self.refused("num_hidden_layers is 2", "1 layer")

    def test_an_unknown_architecture(self):
        self.config(architectures=["LlamaForCausalLMM"])
        self.refused("'LlamaForCausalLMM'", "did you mean LlamaForCausalLM?")
        self.config(model_type="lama")
        self.refused("model_type 'lama'", "did you mean llama?")
        self.config(model_type="zzzzzzzz")
        self.refused("model_type 'zzzzzzzz'", "known: bahdanau, bert, gemma2, gpt2, llama")

    def test_an_unknown_kind_of_rotary_scaling(self):
        for key in ("rope_scaling", "rope_parameters"):
            for spelling in ("rope_type", "type"):
                self.config(**{key: {spelling: "stretch", "factor": 2.0}})
                self.refused("stretch", "'linear', 'dynamic', 'llama3', 'yarn', 'longrope'")

    def test_fields_that_are_missing_or_contradict(self):
        for field in ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size", "intermediate_size"):
            self.config(field)
            self.refused(f"'{field}'", "is missing")
        self.config("model_type")
        self.refused("model_type")
        self.config(n_layer=2)
        self.refused("num_hidden_layers", "n_layer", "1 and 2")
        self.config(hidden_size="8")
        self.refused("hidden_size", "\"8\"", "whole number")
        self.config(head_dim=6)
        self.refused("q_proj", "[8, 8]", "[12, 8]")
        self.config(tie_word_embeddings=False)
        self.refused("lm_head.weight")
        self.config(vocab_size=7)
        self.refused("model.embed_tokens.weight", "[6, 8]", "[7, 8]")

    def test_a_config_that_is_not_one(self):
        for content in (b"", b"{", b"[]", b"null", b'{"model_type": "llama"', b"\x00\x01"):
            self.write("config.json", content)
            self.refused("config.json")
        os.remove(self.model / "config.json")
        self.refused("no config.json")

    def test_code_to_fetch_is_never_fetched(self):
        self.config(auto_map={"AutoModelForCausalLM": "owner/repo--modeling.Model"}, trust_remote_code=True)
        _, err = self.accepted()
        self.assertEqual(1, err.count("warning:"), err)
        self.assertIn("auto_map", err)
        _, err = self.accepted("generate", "model", "-p", "ab")
        self.assertEqual(1, err.count("auto_map"), err)

    def test_end_tokens(self):
        self.config(eos_token_id=[1, 2])
        self.assertNotIn("end", self.accepted("generate", "model", "-p", "ab", "--max-new-tokens", 2)[1])
        self.config(eos_token_id=6)
        self.refused("eos_token_id 6 is not below vocab_size 6", call=("generate", "model", "-p", "ab"))
        self.config()
        self.write("generation_config.json", {"eos_token_id": [1, 99]})
        self.refused("eos_token_id 99 is not below vocab_size 6", "generation_config.json", call=("generate", "model", "-p", "ab"))
        os.remove(self.model / "generation_config.json")
        _, err = self.accepted("generate", "model", "-p", "ab", "--max-new-tokens", 2)
        self.assertIn("warning: ", err)
        self.assertIn("only --max-new-tokens ends the text", err)


class Tokenizers(BadInput):
    def test_a_vocabulary_larger_than_the_embedding(self):
        self.write("tokenizer.json", {**TOKENIZER, "model": {**TOKENIZER["model"], "vocab": {**TOKENIZER["model"]["vocab"], "d": 6}}})
        for call in (("generate", "model", "-p", "ab"), ("logits", "model", "ab"), ("embed", "model", "ab")):
            self.refused("ids up to 6", "vocab_size is 6", call=call)

    def test_a_padded_embedding_is_fine(self):
        self.accepted("generate", "model", "-p", "ab", "--max-new-tokens", 1)

    def test_two_hundred_megabytes_nested_a_hundred_thousand_deep(self):
        with open(self.model / "tokenizer.json", "wb") as file:
            file.write(b'{"model": ' + b"[" * 100_000)
            file.truncate(200_000_000)
        self.refused("nested deeper than 512", call=("tokenize", "model", "ab"), memory=2 * 200_000_000)

    def test_a_tokenizer_that_is_not_one(self):
        for content, says in ((b"{}", "model"), (b"{", "JSON"), (b"[]", "object"), (b'{"model": {"type": "Magic"}}', "Magic"),
                              (b'{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}', "'a'"),
                              (b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a z"]}}', "z"),
                              (b'{"model": {"type": "BPE", "vocab": {"a": 4294967296}, "merges": []}}', "'a'")):
            self.write("tokenizer.json", content)
            self.refused(says, "tokenizer.json", call=("tokenize", "model", "ab"))

    def test_marks_and_line_ends_of_other_systems_in_merges(self):
        os.remove(self.model / "tokenizer.json")
        self.write("vocab.json", {"a": 0, "b": 1, "ab": 2, "c": 3})
        self.write("merges.txt", b"#version: 0.2\na b\n")
        plain, _ = self.accepted("tokenize", "model", "abc", "--json")
        self.assertEqual([2, 3], json.loads(plain)["ids"])
        for merges in (b"\xef\xbb\xbf#version: 0.2\na b\n", b"#version: 0.2\r\na b\r\n", b"\xef\xbb\xbfa b\r\n", b"a b"):
            self.write("merges.txt", merges)
            self.assertEqual(plain, self.accepted("tokenize", "model", "abc", "--json")[0])

    def test_an_expression_that_takes_for_ever(self):
        self.write("tokenizer.json", {**TOKENIZER, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
                                                                   "invert": False}})
        (self.folder / "long.txt").write_text("a" * 50_000 + "!")
        self.before.add("long.txt")
        self.refused("(a+)+$", call=("tokenize", "model", "--file", "long.txt"))

    def test_a_sentencepiece_model(self):
        os.remove(self.model / "tokenizer.json")
        self.write("tokenizer.model", b"\x0a\x0f\x0a\x05<unk>\x15")
        self.refused("tokenizer", call=("tokenize", "model", "ab"))


class Prompts(BadInput):
    def test_ids_beyond_the_vocabulary(self):
        for ids, position in (("6", 0), ("1,2,6", 2), ("0,2147483647", 1)):
            self.refused(f"at position {position}", ids.split(",")[-1], "6", call=("generate", "model", "--prompt-ids", ids))
            self.refused(f"at position {position}", ids.split(",")[-1], "6", call=("logits", "model", "--ids", ids))
        self.refused("4294967296", call=("generate", "model", "--prompt-ids", "4294967296"))
        self.refused("-1", call=("generate", "model", "--prompt-ids=-1"))

    def test_more_than_the_positions(self):
        ids = ",".join(["1"] * 17)
        self.refused("17 tokens", "16 positions", call=("generate", "model", "--prompt-ids", ids))
        self.refused("17 tokens", "16 positions", call=("logits", "model", "--ids", ids))

    def test_nothing_to_begin_from(self):
        self.refused("empty", call=("generate", "model", "-p", ""), code=2)
        self.config(bos_token_id=1)
        self.accepted("generate", "model", "-p", "", "--max-new-tokens", 1)


class FullDisk(BadInput):
    RECIPE = ("--model", '{"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, '
              '"intermediate_size": 64, "vocab_size": 64, "max_position_embeddings": 16}')

    def test_saving_leaves_the_old_checkpoint(self):
        recipe = ("train", "checkpoints/sorter/recipe.json", "--warmup", 1, "--batch", 2, "--max-steps", 1, "--output")
        self.accepted(*recipe, "out")
        self.before.add("out")
        whole = {path: path.read_bytes() for path in sorted((self.folder / "out").rglob("*")) if path.is_file()}

        def limits():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        status, _, err, _ = self.measured(*recipe, "fresh", limits=limits)
        self.assertEqual(1, status, err)
        self.assertRegex(err, r"\Aerror: cannot write the file: File too large \([^\n]+\)\n\Z")
        left = [path for path in (self.folder / "fresh").rglob("*")] if (self.folder / "fresh").exists() else []
        self.assertEqual([], [path for path in left if "tmp" in path.name or path.suffix == ".safetensors"])
        self.assertEqual(whole, {path: path.read_bytes() for path in whole})
