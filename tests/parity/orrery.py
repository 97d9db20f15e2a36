"""Calls the binary as a user does. `ORRERY` names it; the repository's root is the working directory."""

import json
import os
import subprocess
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
BINARY = Path(os.environ.get("ORRERY", "build/release/orrery"))


def call(*arguments, timeout=300):
    """Standard output of one command; an exit code other than 0 fails the test with the command's own words."""
    command = [str(BINARY if BINARY.is_absolute() else ROOT / BINARY), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=timeout)
    assert done.returncode == 0, f"orrery {' '.join(map(str, arguments))} exits {done.returncode}: {done.stderr.strip()}"
    return done.stdout


def call_json(*arguments, **options):
    return json.loads(call(*arguments, "--json", **options))


def call_json_lines(*arguments, **options):
    # Split at the line feed alone: str.splitlines would also cut at separators that stand inside a JSON string.
    return [json.loads(line) for line in call(*arguments, "--json", **options).split("\n") if line]


def comma(ids):
    return ",".join(str(int(i)) for i in ids)


def logits(model, ids, folder, *more):
    path = Path(folder) / "logits.npy"
    call("logits", model, "--ids", comma(ids), *more, "-o", path)
    return numpy.load(path)


def hidden(model, ids, folder):
    return logits(model, ids, folder, "--hidden")


def generate(model, ids, tokens, *more):
    """The greedy continuation alone, going on past an end id."""
    return call_json("generate", model, "--prompt-ids", comma(ids), "--max-new-tokens", tokens, "--ignore-eos", *more)


def relative_error(ours, reference):
    reference = numpy.asarray(reference, dtype=numpy.float64)
    assert ours.shape == reference.shape, f"{ours.shape} is not {reference.shape}"
    return float(numpy.abs(ours - reference).max() / numpy.abs(reference).max())
