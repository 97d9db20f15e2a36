#!/usr/bin/env python3
"""Runs every fuzz target of a build, sharing a time budget among them.

    scripts/fuzz.py BUILD_DIR SECONDS [TARGET...]     # build/fuzz 480: eight minutes of wall time in all

Builds nothing. Starts each target from tests/fuzz/corpus/NAME/ and from what earlier runs found (kept in
BUILD_DIR/fuzzers/corpus/). A target fails where an input crashes, breaks a promise, leaks, takes 10 seconds or 2 GB; the
input is kept and named. Ends with one line of counts; the exit status is 1 where a target failed.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEEDS = ROOT / "tests" / "fuzz" / "corpus"
LIMITS = ["-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]


def run(target, seconds):
    """The number of inputs tried, and the end of the log where the target failed."""
    name = target.name.removesuffix("_fuzz")
    folder = target.parent
    found, failures = folder / "corpus" / name, folder / "failures" / name
    for path in (found, failures):
        path.mkdir(parents=True, exist_ok=True)
    command = [str(target), f"-max_total_time={seconds}", f"-artifact_prefix={failures}/", *LIMITS, str(found)]
    if (SEEDS / name).is_dir():
        command.append(str(SEEDS / name))
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 120)
        log, failed = done.stdout.decode(errors="replace"), done.returncode != 0
    except subprocess.TimeoutExpired as expired:
        log, failed = (expired.stdout or b"").decode(errors="replace") + "\nstill running 120 s after its time", True
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", log)
    inputs = int(executed.group(1)) if executed else 0
    return inputs, "\n".join(log.splitlines()[-40:]) if failed or inputs == 0 else None


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, budget, wanted = pathlib.Path(sys.argv[1]).resolve() / "fuzzers", float(sys.argv[2]), sys.argv[3:]
    targets = sorted(path for path in folder.glob("*_fuzz") if not wanted or path.name in wanted)
    expected = {path.stem for path in (ROOT / "tests" / "fuzz").glob("*_fuzz.cpp")} if not wanted else set(wanted)
    missing = sorted(expected - {path.name for path in targets})
    for name in missing:
        print(f"FAILED  {name}: not built in {folder}")

    jobs = max(1, min(len(targets), len(os.sched_getaffinity(0))))
    rounds = -(-len(targets) // jobs)  # targets that one worker runs after another
    seconds = max(1, int(budget / max(1, rounds)))
    start, failed, inputs = time.monotonic(), len(missing), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for target, (executed, log) in zip(targets, pool.map(lambda t: run(t, seconds), targets)):
            inputs += executed
            failed += log is not None
            print(f"{'FAILED' if log else 'ok    '}  {target.name}: {executed} inputs in {seconds} s" + (f"\n{log}" if log else ""), flush=True)
    total = len(targets) + len(missing)
    print(f"fuzz: {total} targets | {total - failed} passed | {failed} failed | {inputs} inputs in {time.monotonic() - start:.0f} s")
    sys.exit(1 if failed or total == 0 else 0)


main()
