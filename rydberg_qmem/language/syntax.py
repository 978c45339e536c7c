"""From the text of an expression to a tree of Python's grammar, within bounds of size and characters."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from rydberg_qmem.language.evaluation import (
    ExpressionError,
)
from rydberg_qmem.language.values import KEPT_BY_PYTHON


@dataclass(frozen=True)
class SyntaxLimits:
    """The largest size of an expression: characters, terms and depth of nesting."""

    length: int
    nodes: int
    depth: int


WRITTEN = SyntaxLimits(length=2000, nodes=400, depth=40)
BOUND = SyntaxLimits(length=20_000, nodes=800, depth=80)
"""Numbers put in the place of names may be longer than the names, and have a sign of their own."""
MAX_INTEGER = 10**15


def simplest(number: int | float) -> int | float:
    """Return a whole number as int, any other as it is."""
    return int(number) if abs(number) <= MAX_INTEGER and number == int(number) else number


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ILLEGAL = re.compile(r"[^\x20-\x7e\t\n\r]|[#\\`]")
_HIDDEN_NAME = re.compile(r"(?<![A-Za-z0-9_])_")
_STRAY_DOLLAR = re.compile(r"(?<=[A-Za-z0-9_])\$|\$(?![A-Za-z])")
_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9_])_(?=[A-Za-z])")


def tree_of(text: str, limits: SyntaxLimits) -> tuple[ast.expr, int]:
    """Return the tree of a text and how many terms it has."""
    _check_characters(text, limits)
    column = len(text) - len(text.lstrip()) + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `1or 2` is a warning in one Python, an error in the next
            tree = ast.parse(plain(text), mode="eval").body
    except SyntaxError as error:
        column = min(len(text), column - 1 + max(1, error.offset or 1))
        raise ExpressionError(text, f"is not an expression: {error.msg}{_kept_word(text)}", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError(text, "is nested too deeply", column) from None
    return tree, _check_size(text, tree, limits)


def _kept_word(text: str) -> str:
    """Return which word of Python's grammar stands in the place of a name, perhaps."""
    kept = [word for word in re.findall(r"[A-Za-z]\w*", text) if word in KEPT_BY_PYTHON - {"and", "or", "not"}]
    return f" ({kept[0]!r} is a reserved word, which cannot be a name)" if kept else ""


def check_length(text: str, limits: SyntaxLimits) -> None:
    """Raise ExpressionError for a text with more characters than its limits allow."""
    if len(text) > limits.length:
        rule = f"must have at most {limits.length} characters, but has {len(text)}"
        raise ExpressionError(text, rule, limits.length + 1)


def _check_characters(text: str, limits: SyntaxLimits) -> None:
    check_length(text, limits)
    if not text.strip():
        raise ExpressionError(text, "must not be empty", 1)
    for pattern, rule in (
        (_ILLEGAL, "may hold only ASCII letters, digits and signs of arithmetic"),
        (_HIDDEN_NAME, "may not hold names that begin with an underscore"),
        (_STRAY_DOLLAR, "$ must stand before a whole name, as in key.$atom"),
    ):
        found = pattern.search(text)
        if found:
            raise ExpressionError(text, rule, found.start() + 1)


def _check_size(text: str, tree: ast.expr, limits: SyntaxLimits) -> int:
    """Count nodes and depth without recursion, before anything recursive touches the tree."""
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if depth > limits.depth:
            raise ExpressionError(text, f"must be nested at most {limits.depth} deep", position_of(text, node))
        if count > limits.nodes:
            raise ExpressionError(text, f"must have at most {limits.nodes} terms", position_of(text, node))
        stack.extend((child, depth + 1) for child in _parts(node))
    return count


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    skipped = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
    return (child for child in ast.iter_child_nodes(node) if not isinstance(child, skipped))


def plain(text: str) -> str:
    """Return the text as one line of Python, `$name` as `_name`: no other name begins with an underscore."""
    return re.sub(r"[\t\n\r]", " ", text).strip().replace("$", "_")


def unparsed(tree: ast.expr) -> str:
    """Return the canonical text of a tree."""
    return _PLACEHOLDER.sub("$", ast.unparse(tree))


def position_of(text: str, node: ast.AST) -> int:
    """Return the column, from 1, where a node stands in a text."""
    return len(text) - len(text.lstrip()) + int(getattr(node, "col_offset", 0)) + 1


def chance_of(tree: ast.expr) -> ast.expr | None:
    """Return e of a tree `uniform() < e` (or <=, or turned round), else None."""
    match tree:
        case ast.Compare(left=draw, ops=[ast.Lt() | ast.LtE()], comparators=[chance]) if _is_uniform(draw):
            return chance
        case ast.Compare(left=chance, ops=[ast.Gt() | ast.GtE()], comparators=[draw]) if _is_uniform(draw):
            return chance
        case _:
            return None


def _is_uniform(node: ast.expr) -> bool:
    """Return whether a node draws a uniform random number."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "uniform"
