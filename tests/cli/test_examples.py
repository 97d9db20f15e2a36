"""What the help and the pages print as a command runs as printed."""
import re

from orrery import ROOT, Case, command_names, examples_of, shell

# A block that the tests run is fenced as ```sh run; it is one script, run in a folder that holds what the repository
# ships.
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.M | re.S)
# Any block of commands, however it is fenced. One that is not run is an error, unless all its commands are of NOT_RUN: what builds,
# and runs these tests.
ANY_BLOCK = re.compile(r"^[ >]*(?:`{3,}|~{3,}) *((?:sh|bash|shell|zsh|console)\b[^\n]*)\n(.*?)^[ >]*(?:`{3,}|~{3,})$", re.M | re.S | re.I)
NOT_RUN = {"./run", "./test", "cmake"}


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

    def test_commands_of_the_pages_are_run(self):
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            run = BLOCK.findall(text)
            for fence, block in ANY_BLOCK.findall(text):
                if fence == "sh run" and block in run:
                    continue
                words = {line.split()[0] for line in block.splitlines() if line.strip() and not line.strip().startswith("#")}
                with self.subTest(page=str(page.relative_to(ROOT)), fence=fence, block=block.partition("\n")[0]):
                    self.assertLessEqual(words, NOT_RUN)

    def test_links_of_the_pages_lead_somewhere(self):
        for page in PAGES:
            for link in LINK.findall(page.read_text(encoding="utf-8")):
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertTrue((page.parent / link).exists())
