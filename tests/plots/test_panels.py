"""Panels leave room for their legends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from rydberg_qmem.plots import Line, Panel, save_panels
from rydberg_qmem.plots import _panels as panels

X = np.linspace(0, 1, 60)
HIGH = tuple(Line(X, 0.2 + 0.8 * np.sin(np.pi * X + k) ** 2, f"curve {k}") for k in range(4))
DOTS = tuple(Line(X, np.roll(X, 7 * k), f"dots {k}", points=True) for k in range(4))


def hidden(panel: Panel, place: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the legend of a saved panel still covers a curve."""
    axes: list[Any] = []
    monkeypatch.setattr(plt, "close", lambda figure: axes.extend(figure.axes))
    save_panels([panel], place)
    monkeypatch.undo()
    legend, found = axes[0].get_legend(), panels.is_crossed(axes[0])
    assert legend is not None
    plt.close("all")
    return found


@pytest.mark.parametrize("lines", [HIGH, DOTS])
def test_a_legend_that_finds_no_room_gets_some(
    lines: tuple[Line, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not hidden(Panel(lines, "x", "y"), tmp_path / "a.png", monkeypatch)


def test_without_more_room_the_legend_would_hide_a_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(panels, "_raise_top", lambda ax: None)
        assert hidden(Panel(HIGH, "x", "y"), tmp_path / "a.png", patched)
