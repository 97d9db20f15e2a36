#!/usr/bin/env python3
"""Runs tests/cli/test_*.py with Python's standard library alone; ends with the line "N passed, M failed".

    ORRERY=build/release/orrery python3 tests/cli/run.py [PART OF A TEST'S NAME…]
"""
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Result(unittest.TextTestResult):
    """Parts of a test (one example, one block of a page) count as tests."""

    def __init__(self, *args):
        super().__init__(*args)
        self.parts = 0

    def addSubTest(self, test, part, error):
        super().addSubTest(test, part, error)
        self.parts += 1


def left_out(test):
    """Does it read ../shared where that is not here? Such tests do not count."""
    return any(getattr(one, "__unittest_skip__", False) for one in (type(test), getattr(test, test._testMethodName, None)))


def flatten(suite):
    for test in suite:
        yield from flatten(test) if isinstance(test, unittest.TestSuite) else [test]


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    wanted = sys.argv[1:]
    tests = [test for test in flatten(unittest.TestLoader().discover(str(HERE)))
             if not wanted or any(word in test.id() for word in wanted)]
    absent = sum(map(left_out, tests))
    tests = [test for test in tests if not left_out(test)]
    if absent:
        print(f"../shared is not here: {absent} tests that read it are left out and not counted", flush=True)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2 if wanted else 1, resultclass=Result).run(
        unittest.TestSuite(tests))
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun + result.parts - failed} passed, {failed} failed")
    sys.exit(bool(failed) or not tests)
