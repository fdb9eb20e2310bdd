"""What all tests share: no time limit on single examples, because machines are busy at times."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("siamscope", deadline=None)
settings.load_profile("siamscope")
