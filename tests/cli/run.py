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


def flatten(suite):
    for test in suite:
        yield from flatten(test) if isinstance(test, unittest.TestSuite) else [test]


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    wanted = sys.argv[1:]
    tests = [test for test in flatten(unittest.TestLoader().discover(str(HERE)))
             if not wanted or any(word in test.id() for word in wanted)]
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2 if wanted else 1, resultclass=Result).run(
        unittest.TestSuite(tests))
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun + result.parts - failed} passed, {failed} failed")
    sys.exit(bool(failed) or not tests)
