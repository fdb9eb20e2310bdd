"""What all tests share: the cores, no time limit on single examples (machines are busy at times), Ctrl-C is heard."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Processes that run tests side by side share the cores: threads that wait for each other cost more than they bring.
# Said before torch is imported, which asks once; what tests start inherits it.
if (workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))) > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("siamscope", deadline=None)
settings.load_profile("siamscope")


@pytest.fixture
def cuda() -> str:
    """A CUDA device; without one the test is skipped."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return "cuda:0"
