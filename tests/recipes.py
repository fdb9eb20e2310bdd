"""The examples of docs/architecture.md, by the heading that they stand under."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"


def run_recipe(heading: str) -> dict[str, Any]:
    """Run the example under a heading such as "A tracker" and return the names that it defines."""
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^\*\*{heading}\.\*\*.*?^```python\n(.*?)^```", text, re.S | re.M)
    assert match, f"docs/architecture.md has no example for '{heading}'"
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(match[1], f"docs/architecture.md, {heading}", "exec"), names)
    return names
