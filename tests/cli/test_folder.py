"""The folder that tests of the command line run in."""
import os

from orrery import ROOT, SHIPPED, Case, link_shipped


class Folder(Case):
    def test_what_a_user_keeps_in_the_clone_is_neither_seen_nor_written(self):
        clone, folder = self.folder / "clone", self.folder / "of-a-test"
        folder.mkdir()
        clone.mkdir()
        for name in (*SHIPPED, "vocab", "sorter-again", "out.txt"):
            (clone / name).mkdir()
        link_shipped(clone, folder)
        self.assertEqual(sorted(SHIPPED), sorted(os.listdir(folder)))

    def test_all_that_ships_is_there(self):
        for name in SHIPPED:
            self.assertTrue((ROOT / name).exists(), name)
