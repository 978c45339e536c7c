"""Text in pictures: its width in points, expressions as written by hand, line breaks, and text that scales."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from matplotlib.text import Text

from rydberg_qmem.language.expressions import Expression

TEXT, NAME = 7.0, 8.0
"""Sizes of text and of names at the left, in points."""
LINE = 8.4
"""Height of a line of text, in points."""
_HINTED = 1.08
_WIDE, _WIDER, _WIDEST = 16, 18, 26
_MOST, _MOST_MEMORY = 3, 6


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """Return how wide text is (points)."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0])


def widest(lines: Iterable[str], size: float = TEXT) -> float:
    """Return how wide the widest line is (points), with room for the hinting of small letters."""
    return _HINTED * max((text_width(line, size) for line in lines), default=0.0)


_SHORTER = (
    (r"\bpi\b", "π"), (r"\bsqrt\((\w+)\)", r"√\1"), (r"\bsqrt\(", "√("), (r" \*\* ?2\b", "²"), (r" \*\* ?3\b", "³"),
    (r" \* ", "·"), (r" / ", "/"),
)  # fmt: skip


def formula(expression: object) -> str:
    """Return an expression as it is written by hand.

    >>> formula(Expression("sin(2 * pi * k) ** 2"))
    'sin(2·π·k)²'
    """
    text = str(expression)
    for pattern, sign in _SHORTER:
        text = re.sub(pattern, sign, text)
    return text


_BREAKS = (
    (re.compile(r"(?<=[←⇐:] )|(?<= = )"), 0),
    (re.compile(r"(?<= )(?=(?:[-+]|and|or) )|(?<=, )"), 1),
    (re.compile(r"(?=[·/])|(?<= )(?=(?:[<>]|[<>=!]=) )"), 4),
    (re.compile(r"(?<=\()"), 6),
)
"""Where a formula may be broken, and how bad that is; inside brackets it is worse."""
_LINE_COST = 8


def wrapped(text: str, wide: int = _WIDE, maximum: int = _MOST) -> tuple[str, ...]:
    """Return text in at most `maximum` lines of at most `wide` characters, well broken, cut with an ellipsis.

    >>> wrapped("clicks.a + clicks.s")
    ('clicks.a', '+ clicks.s')
    >>> wrapped("clip(mean(seen), 0, 1)", wide=12, maximum=1)
    ('clip(mean(s…',)
    """
    costs = {
        found.start(): cost + 2 * (text[: found.start()].count("(") - text[: found.start()].count(")"))
        for pattern, cost in reversed(_BREAKS)
        for found in pattern.finditer(text)
    }
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}  # end of a line: cost so far, lines' starts
    for end in [*sorted(costs.keys() - {0, len(text)}), len(text)]:
        fitting = [start for start in best if len(text[start:end].strip()) <= wide] or [max(best)]
        best[end] = min((best[at][0] + costs.get(at, 0) + _LINE_COST, (*best[at][1], at)) for at in fitting)
    starts = best[len(text)][1][:maximum]
    ends = (*starts[1:], len(text))
    return tuple(cut(text[start:end].strip(), wide) for start, end in zip(starts, ends, strict=True))


def assigned(sign: str, values: Mapping[str, Expression]) -> tuple[str, ...]:
    """Return the lines of a box on the memory line; many values get few lines each."""
    texts = [f"{name} {sign} {formula(value)}" for name, value in values.items()]
    wide = _WIDER if sum(map(len, texts)) <= 4 * _WIDER else _WIDEST
    made: list[str] = []
    for text in texts:
        first, *others = wrapped(text, wide, max(1, _MOST_MEMORY // len(texts)))
        made += [first, *(f"   {line}" for line in others)]
    return tuple(made)


def cut(text: str, wide: int) -> str:
    """Return text of at most `wide` characters, the end replaced by an ellipsis."""
    return text if len(text) <= wide else text[: wide - 1].rstrip(" …") + "…"


class ScaledText(Text):
    """Text that keeps its size in data units, so that it stays in its box when the axes change their size."""

    def __init__(self, *args: Any, size: float, **look: Any) -> None:
        super().__init__(*args, fontsize=size, **look)
        self._units = size
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Draw the text at the size that it has now."""
        self._fit()
        super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Any:
        """Return the box of the text at the size that it has now."""
        self._fit()
        return super().get_window_extent(renderer, dpi)

    def _fit(self) -> None:
        figure = self.get_figure(root=True)
        if self.axes is not None and figure is not None:
            (_, low), (_, high) = self.axes.transData.transform([(0, 0), (0, 1)])
            self.set_fontsize(max(self._units * (high - low) * 72 / figure.dpi, 0.1))
