"""`orrery inspect patch` on the shipped checkpoint, which names a fox again."""
import json
import zipfile

from orrery import Case, call

CLEAN, CORRUPT = (f"A fox named {name} lived in a tidy garden. One day," for name in ("Ella", "Nora"))
SWEEP = ("inspect", "patch", "storyteller", CLEAN, "--corrupt", CORRUPT)


class Patching(Case):
    def json(self, *args):
        return json.loads(self.succeeds(*args, "--json"))

    def test_the_name_moves_from_where_it_stands_to_the_end(self):
        sweep = self.json(*SWEEP)
        name = sweep["clean"]["tokens"].index(" Ella")
        self.assertEqual((" Ella", " Nora"), (sweep["answer"]["text"], sweep["wrong"]["text"]))
        self.assertGreater(sweep["clean"]["difference"], 2)
        self.assertLess(sweep["corrupt"]["difference"], -2)
        effect = sweep["effect"]
        self.assertEqual((sweep["layers"], sweep["positions"]), (len(effect), len(effect[0])))
        self.assertGreater(max(effect[0][name:-1]), 0.9)
        self.assertEqual(1, effect[-1][-1])
        self.assertEqual(0, effect[-1][name])
        self.assertEqual([0] * name, effect[0][:name])

    def test_a_place_of_the_sweep_is_what_logits_says_of_it(self):
        sweep = self.json(*SWEEP, "--site", "heads", "--answer", " Ella", "--wrong", " Nora")
        last = sweep["positions"] - 1
        best = max(range(sweep["heads"]), key=lambda head: sweep["effect"][-1][head][last])
        trace = self.json("trace", "storyteller", CORRUPT, "--patch", f"layers.{sweep['layers'] - 1}.heads.{best}@{last}", "--patch-from", CLEAN, "--top", 100)
        logits = {top["id"]: top["logit"] for stage in trace["stages"] if stage["stage"] == "logits" for top in stage["top"]}
        self.assertEqual(sweep["difference"][-1][best][last], logits[sweep["answer"]["id"]] - logits[sweep["wrong"]["id"]])

    def test_numbers_in_a_file_and_words_on_the_terminal(self):
        told = self.succeeds(*SWEEP, "--npz", "patch.npz")
        self.assertRegex(told, r"(?m)^ +layer\n   at  token +0 +1 +2 +3$")
        self.assertRegex(told, r"(?m)^ +\d+  ‹ Ella› → ‹ Nora› .*\n(.*\n)* +\d+  ‹,› .* 1\.00$")
        with zipfile.ZipFile(self.folder / "patch.npz") as file:
            self.assertEqual({"clean_ids.npy", "corrupt_ids.npy", "difference.npy", "effect.npy"}, set(file.namelist()))
            self.assertIn(b"'shape': (4, 14)", file.read("effect.npy")[:128])
        self.assertIn("layer  head", self.succeeds(*SWEEP, "--site", "heads", "--noising"))

    def test_of_an_encoder_decoder_the_source_is_patched(self):
        model, texts = self.translator(), ("a red ball", "a big ball")
        sweep = self.json("inspect", "patch", model, texts[0], "--corrupt", texts[1], "--site", "heads", "--answer", "a", "--wrong", "b")
        self.assertEqual(("encoder", 2, 4, 11), (sweep["stack"], sweep["layers"], sweep["heads"], sweep["positions"]))
        trace = self.json("trace", model, texts[1], "--patch", "encoder.layers.0.heads.3@2", "--patch-from", texts[0], "--top", 96)
        logits = {top["id"]: top["logit"] for stage in trace["stages"] if stage["stage"] == "logits" for top in stage["top"]}
        self.assertEqual(sweep["difference"][0][3][2], logits[sweep["answer"]["id"]] - logits[sweep["wrong"]["id"]])
        self.assertIn("of the encoder", self.succeeds("inspect", "patch", model, texts[0], "--corrupt", texts[1], "--answer", "a", "--wrong", "b"))

    def test_of_a_recurrence_the_states_are_patched(self):
        sweep = ("inspect", "patch", "tests/goldens/bahdanau", "5,17,3,8", "--corrupt", "5,17,44,8", "--answer", 7, "--wrong", 9)
        document = self.json(*sweep)
        self.assertEqual(("state", ["encoder.forwards.state", "encoder.backwards.state"]), (document["site"], document["places"]))
        self.assertEqual([0, 0], document["effect"][0][:2])
        self.assertIn("layer: 0 is encoder.forwards.state, 1 is encoder.backwards.state", self.succeeds(*sweep))

    def test_mistakes_are_told_in_one_line(self):
        self.assertIn("tokens", self.fails(2, *SWEEP[:-1], CORRUPT + " then"))
        self.assertIn("the same", self.fails(2, *SWEEP[:-1], CLEAN))
        self.assertIn("tokens", self.fails(2, *SWEEP, "--answer", " Tom"))
        self.fails(2, *SWEEP, "--site", "everything")
        self.fails(2, "inspect", "patch", "storyteller", CLEAN)
        self.assertEqual(1, call("inspect", "patch", "sorter", "1,2", "--corrupt", "1,3", cwd=self.folder).returncode)
