"""`orrery convert`: models as GGUF files and back."""
import json
import os
import shutil

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
        self.assertIn("no form in GGUF files here", self.fails(1, "convert", "sorter", "a.gguf"))
        self.assertIn("the destination is the model itself", self.fails(2, "convert", "checkpoints/storyteller", "checkpoints/storyteller"))
        self.assertIn("no such", call("convert", "storyteller", "absent/a.gguf", cwd=self.folder).stderr.lower())
        self.assertEqual(self.before, set(os.listdir(self.folder)))

    def test_broken_files_are_refused_in_one_line(self):
        whole = (ROOT / "tests" / "goldens" / "gguf" / "llama-grouped.gguf").read_bytes()
        for size in (3, 24, 100, 700, 1500, len(whole) // 2, len(whole) - 1):
            with self.subTest(bytes=size):
                (self.folder / "a.gguf").write_bytes(whole[:size])
                self.before.add("a.gguf")
                self.assertIn("a.gguf", self.fails(1, "info", "a.gguf"))

    def test_a_gguf_file_under_another_name(self):
        shutil.copy(ROOT / "tests" / "goldens" / "gguf" / "llama-grouped.gguf", self.folder / "blob")
        self.assertEqual("llama", json.loads(self.succeeds("info", "blob", "--json"))["model_type"])
