"""What the help and the pages print as a command runs as printed."""
import re

from orrery import ROOT, Case, command_names, examples_of, shell

# A block that the tests run is fenced as ```sh run; it is one script, run in a folder that holds what the repository
# ships. Blocks fenced as ```sh alone are for reading.
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.M | re.S)


LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


IGNORED = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")}


class Examples(Case):
    def runs(self, script):
        done = shell(script, self.folder)
        self.assertEqual(0, done.returncode, f"{script}\n{done.stderr}")

    def test_examples_of_the_help(self):
        for name in command_names():
            for example in examples_of(name):
                with self.subTest(example=example):
                    self.runs(example)

    def test_examples_of_the_pages(self):
        for page in PAGES:
            for block in BLOCK.findall(page.read_text(encoding="utf-8")):
                with self.subTest(page=str(page.relative_to(ROOT)), block=block.splitlines()[0]):
                    self.runs(block)
                    self.assertLessEqual(set(self.new_files()), IGNORED)   # who runs it in a clone leaves the clone clean

    def test_links_of_the_pages_lead_somewhere(self):
        for page in PAGES:
            for link in LINK.findall(page.read_text(encoding="utf-8")):
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertTrue((page.parent / link).exists())
