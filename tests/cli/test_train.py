"""`orrery train` as a user stops, moves and goes on with a run."""
import json
import shutil

from orrery import ROOT, Case, call


SORTER = ("train", ROOT / "checkpoints" / "sorter" / "recipe.json", "--max-steps", 1, "--batch", 4, "--eval-every", 0, "--output")


class Runs(Case):
    def test_recipes_that_ship_hide_no_checkpoint_that_ships(self):
        for recipe in sorted((ROOT / "checkpoints").glob("*/recipe*.json")):
            self.assertEqual("runs", json.loads(recipe.read_text())["output"].partition("/")[0], recipe)

    def test_another_folder_is_not_written_over_and_not_joined_silently(self):
        files = self.folder / "files"
        files.mkdir()
        self.before.add("files")
        self.assertEqual("", call(*SORTER, "files", cwd=self.folder).stderr)
        (files / "config.json").unlink()
        shutil.rmtree(files / "checkpoint-1")
        self.assertIn("holds another model", self.fails(2, *SORTER, "files"))
        (files / "model.safetensors").unlink()
        self.assertEqual("warning: the output folder holds other files (files)\n", call(*SORTER, "files", cwd=self.folder).stderr)
        self.assertIn("a file, not a folder", self.fails(2, *SORTER, "README.md"))

    def test_a_run_goes_on_where_it_was_moved(self):
        recipe = ROOT / "checkpoints" / "sorter" / "recipe.json"
        self.succeeds("train", recipe, "--max-steps", 2, "--save-every", 1, "--batch", 4, "--eval-every", 0, "--output", "first")
        (self.folder / "first").rename(self.folder / "moved")
        rows = [json.loads(line) for line in self.succeeds("train", "--resume", "moved", "--max-steps", 3, "--log-every", 1, "--json").splitlines()]
        self.assertEqual(3, rows[-1]["step"])
        self.assertFalse((self.folder / "first").exists())
        self.assertIn("checkpoint-3", {path.name for path in (self.folder / "moved").iterdir()})
        self.assertEqual("the run is at its last step, 3: nothing is left to do; --max-steps N goes on\n", self.succeeds("train", "--resume", "moved", "--max-steps", 3))
        self.assertEqual({"step": 3, "finished": True}, json.loads(self.succeeds("train", "--resume", "moved", "--max-steps", 3, "--json")))

    def test_a_tokenizer_of_another_model_is_refused(self):
        recipe = ROOT / "checkpoints" / "sorter" / "recipe.json"
        self.assertIn("the tokenizer has ids up to 4095, but vocab_size is 10", self.fails(1, "train", recipe, "--tokenizer", "checkpoints/storyteller", "--output", "sorted"))
