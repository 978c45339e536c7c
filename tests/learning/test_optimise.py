import math
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError
from rydberg_qmem.learning.optimise import optimise


def bowl(point: dict[str, float]) -> float:
    return (point["x"] - 1) ** 2 + 2 * (point["y"] + 0.5) ** 2


START = {"x": 0.0, "y": 0.0}


@pytest.mark.parametrize("method", ["nelder_mead", "spsa"])
def test_a_bowl_is_minimised(method: Any) -> None:
    best = optimise(bowl, START, bounds={"x": (-2, 2), "y": (-2, 2)}, method=method, evaluations=400, rate=0.2)

    assert best.value < 1e-3
    assert best.value == best.history.value.min() == best.history.best[-1]


def test_a_search_goes_on_where_it_ended() -> None:
    whole = optimise(bowl, START, evaluations=60)
    half = optimise(bowl, START, evaluations=30)
    calls = []
    resumed = optimise(bowl, START, evaluations=60, resume=half.history, callback=lambda p, v: calls.append(v))

    assert resumed.history.identical(whole.history)
    assert len(calls) == 30


def test_the_history_of_another_search_is_refused() -> None:
    other = optimise(bowl, {"x": 0.5, "y": 0.0}, evaluations=5)

    with pytest.raises(InputError, match="resume: evaluation 0 was at"):
        optimise(bowl, START, resume=other.history)


def test_a_callback_stops_the_search() -> None:
    best = optimise(bowl, START, callback=lambda p, v: True)

    assert best.history.sizes["evaluation"] == 1


def test_bounds_hold_for_every_call() -> None:
    best = optimise(bowl, START, bounds={"x": (-0.5, 0.25)}, evaluations=100)

    assert float(best.history.x.max()) <= 0.25
    assert float(best.history.x.min()) >= -0.5


def test_the_parameter_shift_finds_the_angle_of_a_rotation() -> None:
    program = rq.Program(
        name="turn",
        register={"atoms": {"q": (0, 0)}},
        parameters={"angle": 0.3},
        body=[{"rotate": {"atom": "q", "angle": "angle"}}, {"measure": {"atoms": "q", "key": "m"}}],
    )

    def chance(point: Any) -> Any:
        return 1 - float(rq.run(program, parameters=point, shots=None, emulator="ideal").m)

    best = optimise(chance, {"angle": 0.3}, method="parameter_shift", rate=1.5, evaluations=30)

    assert best.value < 1e-6
    assert abs(best.parameters["angle"] - math.pi) < 2e-3


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="objective must be finite, but is nan"):
        optimise(lambda p: math.nan, START)
