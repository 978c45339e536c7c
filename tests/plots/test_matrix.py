"""Density matrices and outcomes at the end, as pictures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

import rydberg_qmem as rq
from rydberg_qmem.plots import matrix, outcomes


def test_a_matrix_shows_the_moduli_of_the_levels_that_are_in_it_with_their_names() -> None:
    record = rq.run("teleportation", shots=None, emulator="ideal")
    ax = matrix(record.rho)
    shown = np.array([float(text.get_text()) for text in ax.texts]).reshape(2, 2)

    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["|g⟩", "|h⟩"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["⟨g|", "⟨h|"]
    places = [[str(name) for name in record.rho_row.values].index(name) for name in ("g", "h")]
    np.testing.assert_allclose(shown, np.abs(record.rho.values)[np.ix_(places, places)], atol=0.0051)
    assert shown[0, 0] > shown[0, 1] > shown[1, 1] > 0
    plt.close("all")


def test_what_is_no_single_matrix_is_refused() -> None:
    with pytest.raises(rq.InputError, match="must be one square matrix with labelled rows, but has the dims"):
        matrix(xr.DataArray(np.eye(2), dims=("a", "b")))


def test_an_outcome_that_no_shot_has_is_left_out_and_the_others_keep_their_error() -> None:
    taken = np.array([[1, -1], [0, -1], [1, -1], [1, -1]], dtype=np.int8)
    ax = outcomes(xr.Dataset({"m": (("shot", "m_atom"), taken)}, {"m_atom": ["a", "b"]}))
    [bar], errors = ax.patches, ax.collections[0]
    assert isinstance(bar, Rectangle)
    assert isinstance(errors, LineCollection)
    [[low, high]] = [np.asarray(segment)[:, 1] for segment in errors.get_segments()]

    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["m.a"]
    assert bar.get_height() == 0.75
    assert high - low == pytest.approx(2 * np.sqrt(0.75 * 0.25 / 3))
    plt.close("all")


def test_a_record_with_nothing_at_its_end_is_refused() -> None:
    with pytest.raises(rq.InputError, match="must hold an outcome, probe or last value without rounds"):
        outcomes(xr.Dataset({"m": ("round", [0.5, 0.25])}))
