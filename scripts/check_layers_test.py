#!/usr/bin/env python3
"""check_layers.py says what is wrong, where, and nothing else."""
import tempfile
import unittest
from pathlib import Path

from check_layers import check

LAYERS = "# a comment\nbase:\nkernels: base\nmodels: base\ncli: *\n"


class CheckLayers(unittest.TestCase):
    def problems(self, files, layers=LAYERS):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "layers.txt").write_text(layers)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return check(root)

    def test_includes_of_what_stands_before_are_allowed(self):
        self.assertEqual([], self.problems({
            "base/file.h": "#include <vector>\n",
            "models/bert.cpp": '#include "base/file.h"\n#include "models/bert.h"\n',
            "cli/main.cpp": '#include "models/bert.h"\n',
            "kernels/cpu/vec.h": "#include <immintrin.h>\n",
            "base/cpu/bytes_sse2.h": "#include <emmintrin.h>\n"}))

    def test_a_forbidden_include_is_named_with_file_and_line(self):
        self.assertEqual(["models/bert.cpp:2 includes kernels/, which models/ may not"],
                         self.problems({"models/bert.cpp": '\n#include "kernels/matmul.h"\n'}))

    def test_intrinsics_stay_in_their_folder(self):
        self.assertEqual(["kernels/matmul.cpp:1 includes immintrin.h, which only kernels/cpu/ may"],
                         self.problems({"kernels/matmul.cpp": "#include <immintrin.h>\n"}))
        self.assertEqual(["base/gpu.cpp:1 includes cuda_runtime.h, which only kernels/cuda/ may"],
                         self.problems({"base/gpu.cpp": "#include <cuda_runtime.h>\n"}))

    def test_a_folder_needs_a_line_and_a_line_names_only_what_stands_above(self):
        self.assertEqual(["serve/ has no line in layers.txt"], self.problems({"serve/http.h": ""}))
        self.assertEqual(["layers.txt: base names cli, which does not stand above it"],
                         self.problems({}, "base: cli\ncli: base\n"))


if __name__ == "__main__":
    unittest.main(verbosity=0)
