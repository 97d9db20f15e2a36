"""`./run "any text"`: what it shows, and the two pages that it writes. Nothing is built here: the binary is the one under test."""
import json
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from orrery import BINARY, ROOT, SECONDS

TEXT = "One day, it's a <b>fox</b> & $HOME"
BUILT = "require() { :; }\nbuild() { :; }\nsay() { :; }\n"   # in place of scripts/setup.sh


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="orrery-run-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for path in ("scripts", "build/release"):
            (self.folder / path).mkdir(parents=True)
        (self.folder / "scripts" / "setup.sh").write_text(BUILT)
        (self.folder / "build" / "release" / "orrery").symlink_to(BINARY)
        (self.folder / "checkpoints").symlink_to(ROOT / "checkpoints")
        shutil.copy(ROOT / "run", self.folder)

    def run_it(self, *args):
        return subprocess.run([str(self.folder / "run"), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)

    def test_both_pages_are_about_the_text_and_are_named(self):
        done = self.run_it(TEXT)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        for command in ("info", "tokenize", "generate"):
            self.assertIn(f"$ orrery {command} storyteller", done.stdout)
        printed = [shlex.split(line[2:]) for line in done.stdout.splitlines() if line.startswith("$ orrery ")]
        self.assertIn(["orrery", "tokenize", "storyteller", TEXT], printed)   # a line can be copied
        ids = []
        for name in ("trace", "attention"):
            page = self.folder / "build" / "pages" / f"{name}.html"
            self.assertIn(f" {page.as_uri()}\n", done.stdout)
            document = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page.read_text(encoding="utf-8"), re.S)[1])
            document = document.get("data", document)
            self.assertEqual("storyteller", document["model"])
            ids.append(document["ids"])
        self.assertEqual(ids[0], ids[1])
        encoded = subprocess.run([str(BINARY), "tokenize", str(ROOT / "checkpoints" / "storyteller"), TEXT, "--json"], capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(json.loads(encoded.stdout)["ids"], ids[0])

    def test_without_a_text_there_is_one(self):
        done = self.run_it()
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("Once upon a time", done.stdout)

    def test_mistakes(self):
        for args in (("--nothing",), ("one", "two")):
            done = self.run_it(*args)
            self.assertEqual((2, ""), (done.returncode, done.stdout))
            self.assertRegex(done.stderr, r"\Aerror: [^\n]+\nhint: [^\n]+\n\Z")
