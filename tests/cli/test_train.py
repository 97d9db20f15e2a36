"""`orrery train` as a user stops, moves and goes on with a run."""
import json

from orrery import ROOT, Case


class Runs(Case):
    def test_a_run_goes_on_where_it_was_moved(self):
        recipe = ROOT / "checkpoints" / "sorter" / "recipe.json"
        self.succeeds("train", recipe, "--max-steps", 2, "--save-every", 1, "--batch", 4, "--eval-every", 0, "--output", "first")
        (self.folder / "first").rename(self.folder / "moved")
        rows = [json.loads(line) for line in self.succeeds("train", "--resume", "moved", "--max-steps", 3, "--log-every", 1, "--json").splitlines()]
        self.assertEqual(3, rows[-1]["step"])
        self.assertFalse((self.folder / "first").exists())
        self.assertIn("checkpoint-3", {path.name for path in (self.folder / "moved").iterdir()})
