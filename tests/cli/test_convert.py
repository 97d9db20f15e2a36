"""`orrery convert`: models as GGUF files and back."""
import json
import os
import shutil
import struct

from orrery import ROOT, Case, call


class Convert(Case):
    def logits(self, model):
        self.succeeds("logits", model, "--ids", "1,2,3", "-o", "logits.npy")
        return (self.folder / "logits.npy").read_bytes()

    def test_a_gguf_file_is_a_model_like_the_folder(self):
        made = json.loads(self.succeeds("convert", "storyteller", "a.gguf", "--json"))
        self.assertEqual((38, os.path.getsize(self.folder / "a.gguf")), (made["tensors"], made["bytes"]))
        about = json.loads(self.succeeds("info", "a.gguf", "--json"))
        self.assertEqual(("llama", 4096), (about["model_type"], about["tokenizer"]["vocab_size"]))
        self.assertEqual(self.logits("storyteller"), self.logits("a.gguf"))
        words = ("-p", "One day, a fox", "--max-new-tokens", 12)
        self.assertEqual(self.succeeds("generate", "storyteller", *words), self.succeeds("generate", "a.gguf", *words))
        score = ("--file", "README.md", "--json")
        loss = [json.loads(self.succeeds("evaluate", "perplexity", model, *score))["loss"] for model in ("storyteller", "a.gguf")]
        self.assertEqual(*loss)

    def test_and_back_into_a_folder(self):
        self.succeeds("convert", "storyteller", "-o", "a.gguf")
        self.succeeds("convert", "a.gguf", "-o", "copy")
        self.assertEqual({"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}, set(os.listdir(self.folder / "copy")))
        self.assertEqual(self.logits("storyteller"), self.logits("copy"))
        self.assertEqual(self.succeeds("tokenize", "storyteller", "a fox"), self.succeeds("tokenize", "copy", "a fox"))

    def dtypes(self, folder):
        with open(self.folder / folder / "model.safetensors", "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        return {name: about["dtype"] for name, about in header.items() if name != "__metadata__"}

    def test_a_folder_keeps_what_the_file_has(self):
        self.succeeds("convert", "storyteller", "a.gguf", "--dtype", "bf16")   # norms stay f32 there
        self.succeeds("convert", "a.gguf", "copy")
        self.succeeds("convert", "copy", "again")
        for folder in ("copy", "again"):
            kinds = self.dtypes(folder)
            self.assertEqual({"BF16": True, "F32": True}, {kind: kind in kinds.values() for kind in ("BF16", "F32")})
            self.assertEqual("F32", kinds["model.norm.weight"])
            self.assertEqual(self.logits("a.gguf"), self.logits(folder))
        self.succeeds("convert", "storyteller", "blocks.gguf", "--quantize", "q8_0")
        self.succeeds("convert", "blocks.gguf", "floats")
        kinds = self.dtypes("floats")
        self.assertEqual(("F32", "F16"), (kinds["model.layers.0.self_attn.q_proj.weight"], kinds["model.layers.0.mlp.down_proj.weight"]))   # whose rows are no whole blocks
        self.succeeds("convert", "copy", "all", "--dtype", "f16")
        self.assertEqual({"F16"}, set(self.dtypes("all").values()))

    def test_fewer_bits_are_fewer_bytes(self):
        sizes = [json.loads(self.succeeds("convert", "storyteller", f"{name}.gguf", "--quantize", name, "--json"))["bytes"] for name in ("q8_0", "q5_0", "q4_0")]
        self.assertEqual(sorted(sizes, reverse=True), sizes)
        self.assertEqual(self.succeeds("tokenize", "storyteller", "a fox"), self.succeeds("tokenize", "q4_0.gguf", "a fox"))

    def test_a_model_without_a_tokenizer(self):
        self.succeeds("convert", "tests/goldens/mixtral", "a.gguf")
        self.assertIsNone(json.loads(self.succeeds("info", "a.gguf", "--json"))["tokenizer"])
        self.assertEqual(self.logits("tests/goldens/mixtral"), self.logits("a.gguf"))

    def test_mistakes_are_told_and_leave_nothing(self):
        self.assertIn("there is no destination", self.fails(2, "convert", "storyteller"))
        self.assertIn("two destinations", self.fails(2, "convert", "storyteller", "a.gguf", "-o", "b.gguf"))
        self.assertIn("only GGUF files are quantised", self.fails(2, "convert", "storyteller", "folder", "--quantize", "q8_0"))
        self.assertIn("--quantize stores blocks", self.fails(2, "convert", "storyteller", "folder", "--dtype", "q8_0"))
        self.assertIn("no file keeps int8", self.fails(2, "convert", "storyteller", "a.gguf", "--dtype", "int8"))
        self.assertIn("no form in GGUF files here", self.fails(1, "convert", "sorter", "a.gguf"))
        self.assertIn("the destination is the model itself", self.fails(2, "convert", "checkpoints/storyteller", "checkpoints/storyteller"))
        self.assertIn("no such", call("convert", "storyteller", "absent/a.gguf", cwd=self.folder).stderr.lower())
        self.assertEqual(self.before, set(os.listdir(self.folder)))

    def test_a_folder_that_holds_something_is_left_alone(self):
        shutil.copytree(ROOT / "checkpoints" / "sorter", self.folder / "mine")
        (self.folder / "mine" / "notes.txt").write_text("dear")
        self.before.add("mine")
        self.assertIn("not empty", self.fails(2, "convert", "storyteller", "mine"))
        self.assertEqual("dear", (self.folder / "mine" / "notes.txt").read_text())

    def test_chat_templates_go_along(self):
        shutil.copytree(ROOT / "checkpoints" / "storyteller", self.folder / "model")
        (self.folder / "model" / "chat_template.jinja").write_text("{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}")
        (self.folder / "chat.json").write_text('[{"role": "user", "content": "One day"}]')
        expected = self.succeeds("tokenize", "model", "--chat", "chat.json")
        self.assertIn("[user] One day", expected)
        self.succeeds("convert", "model", "a.gguf")
        self.succeeds("convert", "a.gguf", "b.gguf")
        for file in ("a.gguf", "b.gguf"):
            self.assertEqual(expected, self.succeeds("tokenize", file, "--chat", "chat.json"))

    def test_broken_files_are_refused_in_one_line(self):
        whole = (ROOT / "tests" / "goldens" / "gguf" / "llama-grouped.gguf").read_bytes()
        for size in (3, 24, 100, 700, 1500, len(whole) // 2, len(whole) - 1):
            with self.subTest(bytes=size):
                (self.folder / "a.gguf").write_bytes(whole[:size])
                self.before.add("a.gguf")
                self.assertIn("a.gguf", self.fails(1, "info", "a.gguf"))

    def test_a_file_cannot_claim_more_experts_than_it_has_bytes(self):
        def text(words):
            return struct.pack("<Q", len(words)) + words.encode()

        sizes = {"context_length": 8, "embedding_length": 8, "block_count": 2000, "feed_forward_length": 8, "vocab_size": 8, "expert_count": 4096, "expert_used_count": 1,
                 "attention.head_count": 1}
        keys = text("general.architecture") + struct.pack("<I", 8) + text("llama")
        keys += b"".join(text("llama." + key) + struct.pack("<II", 4, value) for key, value in sizes.items())
        tensors = text("token_embd.weight") + struct.pack("<IQQIQ", 2, 8, 8, 0, 0)
        tensors += b"".join(text(f"blk.{i}.ffn_up_exps.weight") + struct.pack("<IQQQIQ", 3, 0, 1, 4096, 0, 256) for i in range(2000))
        whole = b"GGUF" + struct.pack("<IQQ", 3, 2001, len(sizes) + 1) + keys + tensors
        (self.folder / "a.gguf").write_bytes(whole + bytes(-len(whole) % 32 + 256))
        self.before.add("a.gguf")
        self.assertIn("blk.36.ffn_up_exps.weight", self.fails(1, "info", "a.gguf"))

    def test_a_gguf_file_under_another_name(self):
        shutil.copy(ROOT / "tests" / "goldens" / "gguf" / "llama-grouped.gguf", self.folder / "blob")
        self.assertEqual("llama", json.loads(self.succeeds("info", "blob", "--json"))["model_type"])
