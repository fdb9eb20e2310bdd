"""What all tests share: no time limit on single examples, because machines are busy at times; Ctrl-C is heard."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

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
