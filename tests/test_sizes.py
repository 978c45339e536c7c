"""How long modules and functions may be, so that each is one thing with a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rydberg_qmem as rq

PACKAGE = Path(rq.__file__).parent
MOST_OF_A_MODULE = 300
MOST_OF_A_FUNCTION = 60
"""Lines without the docstring, whose length is that of the list of parameters."""
FILES = sorted(PACKAGE.rglob("*.py"))


def long_functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield functions with too many lines, and how many."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) and first.end_lineno else 0
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - told
            if lines > MOST_OF_A_FUNCTION:
                yield node.name, lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= MOST_OF_A_MODULE
    assert not dict(long_functions(ast.parse(text)))


def test_a_long_function_is_found_by_its_lines_without_its_docstring() -> None:
    docstring = '    """Say\n' + "    much\n" * 100 + '    """\n'
    short, long = (f"def f():\n{docstring}" + "    x = 1\n" * lines for lines in (59, 60))

    assert not dict(long_functions(ast.parse(short)))
    assert dict(long_functions(ast.parse(long))) == {"f": 61}
