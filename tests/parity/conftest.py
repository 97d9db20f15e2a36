import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch  # noqa: E402

from orrery import SHARED  # noqa: E402

torch.set_num_threads(1)  # the models are tiny: a second thread only waits, and costs the binary its core

# Tests against the shared models and tokenizers exist only where that folder does.
collect_ignore_glob = [] if SHARED.is_dir() else ["test_*_shared.py"]


def pytest_report_header():
    return [] if SHARED.is_dir() else ["../shared is not here: tests in test_*_shared.py are left out"]
