"""The folder that tests of the command line run in."""
import os
import shutil
import subprocess
import sys

from orrery import ROOT, SECONDS, SHIPPED, Case, link_shipped


class Folder(Case):
    def test_what_a_user_keeps_in_the_clone_is_neither_seen_nor_written(self):
        clone, folder = self.folder / "clone", self.folder / "of-a-test"
        folder.mkdir()
        clone.mkdir()
        for name in (*SHIPPED, "vocab", "sorter-again", "out.txt"):
            (clone / name).mkdir()
        link_shipped(clone, folder)
        self.assertEqual(sorted(SHIPPED), sorted(os.listdir(folder)))

    def test_what_is_left_out_does_not_count(self):
        for name in ("run.py", "orrery.py"):
            shutil.copy(ROOT / "tests" / "cli" / name, self.folder)
        (self.folder / "test_two.py").write_text("import unittest\nclass Two(unittest.TestCase):\n"
                                                 "    def test_here(self): pass\n"
                                                 "    @unittest.skipUnless(False, 'absent')\n    def test_absent(self): pass\n")
        done = subprocess.run([sys.executable, str(self.folder / "run.py")], capture_output=True, text=True, timeout=SECONDS, cwd=self.folder)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("1 tests that read it are left out", done.stdout)
        self.assertTrue(done.stdout.endswith("1 passed, 0 failed\n"), done.stdout)

    def test_all_that_ships_is_there(self):
        for name in SHIPPED:
            self.assertTrue((ROOT / name).exists(), name)
