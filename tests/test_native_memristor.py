"""The memristor of one Rydberg transition against the discrete law of its window."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms

SIZES = [(6, 2), (8, 5), (6, 6)]


def exact(period: int, window: int, program: Any = "native_memristor") -> Any:
    return rq.run(program, parameters={"period": period, "window": window}, shots=None)


@pytest.mark.parametrize(("period", "window"), SIZES)
def test_it_follows_the_law_of_its_window(period: int, window: int) -> None:
    n_in = np.sin(np.pi * np.arange(2 * period) / period) ** 2
    before = np.concatenate([np.full(window, 0.5), n_in])
    reflectivity = np.array([before[k : k + window].mean() for k in range(2 * period)])

    record = exact(period, window)

    np.testing.assert_allclose(record.R, reflectivity, atol=1e-9)
    np.testing.assert_allclose(record.click, reflectivity * n_in, atol=1e-9)
    np.testing.assert_allclose(1 - record.vacuum, (1 - reflectivity) * n_in, atol=1e-9)


@pytest.mark.parametrize(("period", "window"), [*SIZES, (24, 9)])
def test_its_loop_has_the_area_of_the_closed_form(period: int, window: int) -> None:
    record = exact(period, window)

    x, y = record.n_in.values[period:], 1 - record.vacuum.values[period:]
    area = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2

    assert area == pytest.approx(float(closed_forms.discrete_loop_area(period, window)), abs=1e-9)


def test_without_the_reset_of_the_ancilla_the_photon_is_not_taken() -> None:
    program = rq.load("native_memristor").to_yaml()
    blocked = re.sub(r" *- reset: \{atoms: \[a\]\}\n", "", program)
    assert blocked != program

    record = exact(6, 2, rq.Program.from_yaml(blocked))

    assert np.abs(record.R - exact(6, 2).R).max() > 0.1
