#!/usr/bin/env python3
"""Holds src/ to src/layers.txt: which folder may include which.

    check_layers.py [SOURCE_FOLDER]      prints each include that may not be, and fails where there is one
"""
import re
import sys
from pathlib import Path

INTRINSICS = re.compile(r"(\w*mmintrin|immintrin|x86intrin|arm_neon|arm_sve|cpuid)\.h$")
CUDA = re.compile(r"(cuda|cublas|nccl|cudnn)\w*\.h$")


def read_layers(text):
    """Folder -> the folders it may include, in the order of the file."""
    layers = {}
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        folder, _, allowed = line.partition(":")
        layers[folder] = set(layers) if allowed.strip() == "*" else set(allowed.split())
        for name in sorted(layers[folder] - set(layers)):
            yield f"layers.txt: {folder} names {name}, which does not stand above it"
    return layers


def check(root):
    reader = read_layers((root / "layers.txt").read_text())
    problems = []
    while True:
        try:
            problems.append(next(reader))
        except StopIteration as end:
            layers = end.value
            break
    problems += [f"{path.name}/ has no line in layers.txt" for path in sorted(root.iterdir())
                 if path.is_dir() and path.name not in layers and any(path.rglob("*.*"))]
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        folder = name.split("/")[0]
        if path.suffix not in (".h", ".cpp", ".cu", ".inc") or folder not in layers:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not include:
                continue
            target = include[1]
            other = target.split("/")[0]
            if "/" in target and other in layers and other != folder and other not in layers[folder]:
                problems.append(f"{name}:{number} includes {other}/, which {folder}/ may not")
            if INTRINSICS.search(target) and not name.startswith(f"{folder}/cpu/"):
                problems.append(f"{name}:{number} includes {target}, which only {folder}/cpu/ may")
            if CUDA.search(target) and not name.startswith(("kernels/cuda/", "tensor/device_cuda.cpp")):
                problems.append(f"{name}:{number} includes {target}, which only kernels/cuda/ may")
    return problems


if __name__ == "__main__":
    found = check(Path(sys.argv[1] if len(sys.argv) > 1 else "src"))
    print("\n".join(found) if found else "every include is allowed")
    sys.exit(bool(found))
