"""The words that docs/glossary.md avoids stand neither on a page nor in a text of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "weights" / "README.md", *(ROOT / "docs").rglob("*.md")]
CODE = [path for folder in ("app", "tracker_core", "resources", "docs") for path in (ROOT / folder).rglob("*.py")]


def avoided() -> re.Pattern[str]:
    """Return what finds the words in the first column of the glossary's second table."""
    rows = GLOSSARY.read_text(encoding="utf-8").partition("| not | but |")[2].splitlines()[2:]
    words = [word.strip() for row in rows for word in row.split("|")[1].split(",")]
    assert len(words) >= 8
    return re.compile(rf"\b({'|'.join(map(re.escape, words))})s?\b", re.I)


def texts() -> Iterator[tuple[str, str]]:
    """Yield the lines of all pages, and of all texts in the code (docstrings too), each with its place."""
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if page != GLOSSARY:
                yield f"{page.name}:{number}", line
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                for line in node.value.splitlines():
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", line


def test_no_page_and_no_text_has_an_avoided_word() -> None:
    pattern = avoided()
    found = []
    for place, line in texts():
        # names stand in backquotes, or before a colon as `trunk:FILE`
        prose = re.sub(r"`[^`]*`|\w*trunk:|['\"=]\w*trunk\b", "", line)
        if pattern.search(prose):
            found.append(f"{place}: {line.strip()}")
    assert found == []


def test_the_pattern_finds_what_it_should() -> None:
    pattern = avoided()
    assert all(pattern.search(text) for text in ("Two pictures", "it goes on", "Track anew", "the Trunk is frozen"))
    assert not any(pattern.search(text) for text in ("pictured here", "amended", "ongoing", "a trunked line"))
