"""Pictures on axes of the user's own, in any style of Matplotlib, and of single points of a sweep."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cycler import cycler

import rydberg_qmem as rq

TUPLES = cycler(color=[(0.12, 0.47, 0.71), (1.0, 0.5, 0.05)])


@pytest.fixture(scope="module")
def swept() -> Any:
    return rq.run("two_port_memristor", sweep={"period": [6, 12]}, shots=20, seed=1, emulator="ideal")


@pytest.mark.parametrize(
    "style",
    [{"axes.prop_cycle": TUPLES}, {"axes.prop_cycle": cycler(color=["0.1", "0.5"])}, "ggplot", "dark_background"],
)
def test_every_picture_of_a_record_is_drawn_on_own_axes_in_any_style(style: Any, swept: Any) -> None:
    record = swept.isel(point=1)
    context = plt.rc_context(style) if isinstance(style, dict) else plt.style.context(style)

    with context:
        ax = plt.subplots()[1]

        assert rq.plots.hysteresis(record, drive="n_in", response="clicks.s", ax=ax) is ax
        assert rq.plots.program(rq.load("rabi"), ax=plt.subplots()[1]).lines
        assert rq.plots.pulses(rq.load("rabi"), ax=plt.subplots()[1]).lines
    plt.close("all")


@pytest.mark.parametrize(("point", "period"), [(0, 6), (1, 12)])
def test_a_point_of_a_sweep_over_the_period_is_drawn_and_measured_by_itself(
    point: int, period: int, swept: Any
) -> None:
    one = swept.isel(point=point)

    alone = rq.run("two_port_memristor", parameters={"period": period}, shots=20, seed=1, emulator="ideal")
    figures, whole = (rq.analysis.hysteresis(r, drive="n_in", response="R") for r in (one, swept))
    ax = rq.plots.hysteresis(one, drive="n_in", response="clicks.s")

    assert figures.attrs["period"] == period
    assert float(figures.area) == float(whole.area[point])
    assert len(ax.lines[0].get_xdata()) == period + 1  # type: ignore[arg-type]  # an array
    assert alone.sizes["round"] == 2 * period
    plt.close("all")


def test_a_pulse_without_amplitude_is_drawn_as_its_detuning_and_a_turn_about_z_as_a_turn() -> None:
    body = [
        {"pulse": {"channel": "raman_local", "atoms": "q", "amplitude": 5, "duration_ns": 52}},
        {"pulse": {"channel": "raman_local", "atoms": "q", "amplitude": 0, "detuning": 1.0, "duration_ns": 400}},
        {"rotate": {"atom": "q", "axis": "z", "angle": "pi / 3"}},
        {"pulse": {"channel": "raman_local", "atoms": "q", "amplitude": 5, "duration_ns": 52, "post_phase_shift": 0.3}},
    ]
    program = rq.Program.from_dict({"name": "ramsey", "register": {"atoms": {"q": (0, 0)}}, "body": body})

    ax = rq.plots.pulses(program)

    texts = [text.get_text() for text in ax.texts]
    filled = [c.get_paths()[0].get_extents() for c in ax.collections if c.get_paths() and c.get_zorder() == 3]
    assert "detuning δ" in texts
    assert "virtual turn about z" in texts
    assert sum(extent.height > 1 for extent in filled) == 2  # the detuning is a dashed line, no block
    assert diamonds(ax) == 3  # the two, and the legend's
    plt.close("all")


def diamonds(ax: Any) -> int:
    """Return how many turns about z are drawn, the legend's with them."""
    outlines = [np.asarray(path.vertices, dtype=float) for c in ax.collections for path in c.get_paths()]
    spans = [tuple(np.ptp(corners, axis=0).round(6)) for corners in outlines if len(corners) == 5]
    return int(sum(width == height < 6 for width, height in spans))


def test_a_turn_about_z_is_drawn_once_however_many_probes_look_into_the_sequence() -> None:
    pulse = {"pulse": {"channel": "raman_local", "atoms": "q", "amplitude": 5, "duration_ns": 52}}
    turn = {"rotate": {"atom": "q", "axis": "z", "angle": "pi / 3"}}
    shifted = {"pulse": {**pulse["pulse"], "post_phase_shift": 0.3}}
    looks = [{"probe": {"atoms": ["q"], "key": key, "pauli": ["X"]}} for key in "abc"]
    bare = [pulse, turn, pulse, shifted, turn, pulse]
    seen = [pulse, looks[0], turn, pulse, looks[1], shifted, turn, looks[2], pulse]

    drawn = [
        diamonds(rq.plots.pulses(rq.Program.from_dict({"name": "t", "register": {"atoms": {"q": (0, 0)}}, "body": b})))
        for b in (bare, seen)
    ]

    assert drawn == [3, 3]  # one before the second pulse, one after the third, the legend's
    plt.close("all")


def test_dollar_signs_and_control_signs_of_a_record_are_text(swept: Any) -> None:
    record = swept.isel(point=0).copy()
    record["R"].attrs["long_name"] = "$x^{$ \x1b[31m"

    ax = rq.plots.hysteresis(record, drive="n_in", response="R")
    ax.figure.canvas.draw()  # mathematics would be refused here

    assert ax.get_ylabel() == r"\$x^{\$ \x1b[31m"
    plt.close("all")
