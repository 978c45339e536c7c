"""The picture of a hysteresis loop: what is drawn, in which style, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from rydberg_qmem import plots
from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.errors import InputError
from rydberg_qmem.plots import _style as style

PAIR: dict[str, Any] = {"drive": "n_in", "response": "out"}


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def memristor(period: int = 24, periods: int = 2, shots: int | None = None) -> xr.Dataset:
    k = np.arange(period * periods)
    n_in = np.sin(np.pi * k / period) ** 2
    out: Any = ("round", (1 - closed_forms.discrete_reflectivity(k, period, 9)) * n_in)
    if shots is not None:
        clicks = np.random.default_rng(0).random((shots, len(k))) < out[1]
        out = (("shot", "round"), clicks.astype(np.int8))
    about = {"long_name": "drive power", "units": "mW"}
    return xr.Dataset({"n_in": ("round", n_in, about), "out": out})


def test_the_loop_is_drawn_closed_and_labelled() -> None:
    record = memristor()

    ax = plots.hysteresis(record, **PAIR)
    x, y = ax.lines[0].get_data()

    assert np.array_equal(x, record.n_in.values[[*range(24, 48), 24]])
    assert np.array_equal(y, record.out.values[[*range(24, 48), 24]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("drive power (mW)", "out")
    assert ax.get_legend() is None


def test_the_start_of_the_cycle_is_ringed() -> None:
    record = memristor().roll(round=5)

    ring = plots.hysteresis(record, **PAIR).lines[1]

    assert np.asarray(ring.get_xydata()).tolist() == [[record.n_in[24], record.out[24]]]
    assert ring.get_markerfacecolor() == "white"


@pytest.mark.parametrize("sense", [1, -1])
def test_arrows_point_the_way_that_the_loop_runs(sense: int) -> None:
    phase = sense * 2 * np.pi * np.arange(100) / 100
    circle = xr.Dataset({"u": ("round", np.cos(phase)), "v": ("round", np.sin(phase))})

    arrows = plots.hysteresis(circle, drive="u", response="v").texts

    assert len(arrows) == 2
    for arrow in arrows:
        assert isinstance(arrow, Annotation)
        (tail_x, tail_y), (head_x, head_y) = arrow.xyann, arrow.xy
        assert np.sign(tail_x * head_y - tail_y * head_x) == sense


def test_a_loop_that_stands_still_has_no_arrows() -> None:
    still = xr.Dataset({"u": ("round", np.ones(5)), "v": ("round", np.ones(5))})

    assert not plots.hysteresis(still, drive="u", response="v").texts


def test_standard_errors_are_bars_for_few_rounds_and_a_band_for_many() -> None:
    few = plots.hysteresis(memristor(shots=100), **PAIR)
    many = plots.hysteresis(memristor(period=100, shots=100), **PAIR)

    [bars] = few.collections
    assert isinstance(bars, LineCollection)
    assert len(bars.get_segments()) == 24
    up, down = many.collections
    assert isinstance(up, PolyCollection)
    assert isinstance(down, PolyCollection)
    sizes = [len(np.asarray(band.get_paths()[0].vertices)) for band in (up, down)]
    assert abs(sizes[0] - sizes[1]) <= 4


def test_a_noisy_drive_has_bars_in_both_directions() -> None:
    record = memristor(shots=100)
    record["seen"] = record.out.roll(round=1)

    ax = plots.hysteresis(record, drive="seen", response="out", period=24)

    assert len(ax.collections) == 2


def test_errors_are_left_out_where_there_are_none_or_none_are_wanted() -> None:
    assert not plots.hysteresis(memristor(), **PAIR).collections
    assert not plots.hysteresis(memristor(shots=100), **PAIR, errors=False).collections


def test_a_law_is_dashed_and_named() -> None:
    ax = plots.hysteresis(memristor(), **PAIR, law=([0, 1], [0, 0.5]), label="exact")

    law = ax.lines[-1]
    legend = ax.get_legend()

    assert law.get_linestyle() == "--"
    assert np.array_equal(law.get_ydata(), [0, 0.5])
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["exact", "law"]


def test_all_cycles_share_a_colour_and_one_entry_in_the_legend() -> None:
    ax = plots.hysteresis(memristor(periods=3), **PAIR, cycle="all", label="exact")

    legend = ax.get_legend()

    assert len({line.get_color() for line in ax.lines}) == 1
    assert [line.get_alpha() for line in ax.lines[::2]] == [0.3, 0.3, 1.0]
    assert legend is not None
    assert len(legend.get_texts()) == 1


def test_given_axes_are_drawn_on_with_the_next_colour_and_returned() -> None:
    first = plots.hysteresis(memristor(), **PAIR)

    second = plots.hysteresis(memristor(), **PAIR, ax=first)

    assert second is first
    assert [first.lines[n].get_color() for n in (0, 2)] == list(style.okabe_ito()[:2])
    assert first.lines[0].get_markersize() == first.lines[2].get_markersize()


def test_a_sweep_must_be_reduced_to_one_point() -> None:
    swept = xr.concat([memristor(), memristor()], "point").assign_coords(point=[0, 1])

    with pytest.raises(InputError, match=r"must be one point, but has a sweep; .* record.isel\(point=0\)"):
        plots.hysteresis(swept, **PAIR)
    assert plots.hysteresis(swept.isel(point=0), **PAIR).lines


def test_drawing_leaves_the_settings_as_they_were() -> None:
    before = dict(mpl.rcParams)

    plots.hysteresis(memristor(), **PAIR)

    assert dict(mpl.rcParams) == before


def test_new_figures_fit_a_column_and_given_axes_are_kept() -> None:
    ax = plots.axes_or_new()

    assert ax.figure.get_figwidth() == 3.4  # type: ignore[union-attr]  # axes have a figure
    assert plots.axes_or_new(ax) is ax


def test_paper_takes_other_sizes() -> None:
    with plots.paper(style.TWO_COLUMNS_IN, 2.0):
        figure = plt.figure()

    assert figure.get_size_inches().tolist() == [7.0, 2.0]


def test_the_colours_are_the_same_without_a_built_in_list() -> None:
    built_in = mpl.color_sequences.get("okabe_ito", style._OKABE_ITO)

    assert [to_hex(colour) for colour in built_in] == [to_hex(colour) for colour in style._OKABE_ITO]
    assert len(set(style.okabe_ito())) == 8


def fresh(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_importing_plots_does_not_import_matplotlib() -> None:
    code = "import sys, rydberg_qmem.plots as p; print({*p.__all__} <= {*dir(p)}, 'matplotlib' in sys.modules)"

    assert fresh(code) == "True False"


@pytest.mark.parametrize("first", ["pass", "import rydberg_qmem.plots._hysteresis"])
def test_a_name_means_the_function_whatever_was_imported_before(first: str) -> None:
    assert fresh(f"{first}\nimport rydberg_qmem.plots as p\nprint(callable(p.hysteresis))") == "True"


@pytest.mark.parametrize("name", plots.__all__)
def test_every_public_name_is_a_function(name: str) -> None:
    assert callable(getattr(plots, name))


def test_an_unknown_picture_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'histeresis'"):
        _ = plots.histeresis
