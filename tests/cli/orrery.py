"""How the tests of the command line call the binary, and where: in a fresh folder that looks like the repository."""
import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("ORRERY", "build/release/orrery")).resolve()
SHARED = ROOT.parent / "shared"
SECONDS = 300  # a call that takes longer hangs
# What the repository ships; what else lies in its folder is a user's, and tests neither see nor write it.
SHIPPED = ("CHANGELOG.md", "LICENSE", "README.md", "bench", "checkpoints", "docs", "examples", "scripts", "src", "tests")


def call(*args, stdin="", cwd=ROOT, env=None):
    """Runs `orrery ARGS`; stdout and stderr are text."""
    return subprocess.run([str(BINARY), *map(str, args)], input=stdin, capture_output=True, text=True, cwd=cwd,
                          env={**os.environ, **(env or {})}, timeout=SECONDS)


def shell(script, cwd):
    """Runs a script as a reader would type it, with `orrery` on the path."""
    env = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", cwd=cwd, env=env, timeout=SECONDS)


def on_terminal(*args, cwd=ROOT, env=None):
    """What `orrery ARGS` shows on a terminal, stdout and stderr together."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(BINARY), *map(str, args)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=cwd,
                               env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:   # the terminal has no other end any more
            more = b""
        if not more:
            break
        shown += more
    os.close(ours)
    process.wait(timeout=SECONDS)
    return shown.decode(errors="replace")


def link_shipped(root, folder):
    """Links in `folder` to what the repository at `root` ships."""
    for name in SHIPPED:
        (folder / name).symlink_to(root / name)


def command_names():
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?) {3,}\S", call().stdout.split("Commands", 1)[1], re.M)


def examples_of(name):
    """The lines under `Examples:` in the help of a command."""
    help_text = call(*name.split(), "--help").stdout
    return [line.strip() for line in help_text.partition("\nExamples:\n")[2].splitlines() if line.strip()]


class Case(unittest.TestCase):
    """A test in a folder of its own, which holds links to what the repository ships."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="orrery-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        link_shipped(ROOT, self.folder)
        self.before = set(os.listdir(self.folder))

    def translator(self):
        """An encoder-decoder that reads texts: a tiny random one, with a vocabulary of characters."""
        folder = self.folder / "translator"
        shutil.copytree(ROOT / "tests" / "goldens" / "pegasus", folder)
        special = {"<pad>": 0, "</s>": 1}
        ids = special | {chr(i): i - 30 for i in range(32, 126)}
        (folder / "tokenizer.json").write_text(json.dumps({
            "added_tokens": [{"id": i, "content": text, "special": True} for text, i in special.items()],
            "model": {"type": "BPE", "vocab": ids, "merges": []},
            "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                               "pair": [], "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
            "decoder": {"type": "Fuse"}}))
        self.before.add("translator")
        return folder

    def new_files(self):
        return sorted(set(os.listdir(self.folder)) - self.before)

    def succeeds(self, *args, **more):
        done = call(*args, cwd=self.folder, **more)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def fails(self, code, *args, **more):
        """Exit code, nothing on stdout, `error: WHAT` on one line, at most a hint besides. Returns stderr."""
        done = call(*args, cwd=self.folder, **more)
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertRegex(done.stderr, r"\Aerror: [^\n]+\n(hint: [^\n]+\n)?\Z")
        self.assertEqual([], self.new_files())
        return done.stderr
