"""A stream cut into pieces gives the features of the whole, where it goes on; else each piece starts anew."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import MemristorReservoir, narma_memristor
from rydberg_qmem.programs import memristor_network
from rydberg_qmem.running.series import run_series

Floats = NDArray[np.float64]
U = np.random.default_rng(0).uniform(0, 0.5, size=(40, 1))


def entangled(**changes: Any) -> rq.Program:
    """Return a program whose atoms stay entangled from round to round, and which looks at them weakly."""
    body = [
        {"rotate": {"atom": "a", "angle": "0.8 + u"}},
        {"cphase": {"control": "a", "target": "b", "angle": "1 + x / (k + 2)"}},
        {"rotate": {"atom": "b", "angle": "u", "axis": "x"}},
        {"weak_measure": {"system": "b", "ancilla": "c", "strength": 0.4, "key": "seen"}},
        {"probe": {"atoms": ["a", "b"], "key": "looked_at", "occupation": True}},
        {"push": {"w": "ensemble_mean(seen)"}},
        {"set": {"x": "clip(x + (mean(w) - x) / 3, 0, 1)"}},
    ]
    return rq.Program.model_validate(
        {
            "name": "entangled", "device": "MockDevice", "register": {"atoms": {"a": (0, 0), "b": (6, 0), "c": (3, 5)}},
            "inputs": {"u": {"default": "0.5", "rounds": 3}},
            "memory": {"x": {"initial": 0.5}, "w": {"initial": 0.5, "window": 3}},
            "body": [{"rotate": {"atom": "a", "angle": 0.4}}, {"repeat": {"over": "u", "body": body}}], **changes,
        }
    )  # fmt: skip


def counting() -> rq.Program:
    """Return a program whose drive depends on the number of the round."""
    body = [{"rotate": {"atom": "q", "angle": "u + 0.1 * k"}}, {"measure": {"atoms": "q", "key": "m"}},
            {"reset": {"atoms": "q"}}, {"set": {"x": "(x + ensemble_mean(m)) / 2"}}]  # fmt: skip
    return rq.Program.model_validate(
        {"name": "counting", "register": {"atoms": {"q": (0, 0)}}, "inputs": {"u": {"default": "0", "rounds": 3}},
         "memory": {"x": {"initial": 0}}, "body": [{"repeat": {"over": "u", "body": body}}]}
    )  # fmt: skip


CELLS = ["x0", "1 - x0 ** 2"]
DEVICES: dict[str, dict[str, Any]] = {
    "exponential": {"program": memristor_network(CELLS, time_constants=[2, 16])},
    "windows": {"program": memristor_network(CELLS, time_constants=[2, 5], memory="window", port="transmitted")},
    "memory and products": {"program": memristor_network(CELLS, time_constants=[2, 4]),
                            "features": ("memory", "products")},
    "windows of rounds": {"layout": "window", "window": 4, "readout": "all"},
    "windows of one round": {"layout": "window", "window": 1},
    "wash-out": {"washout": 13},
    "entangled": {"program": entangled()},
    "counting": {"program": counting()},
    "pulses": {"program": memristor_network(["x0"], time_constants=[4]), "emulator": "exact"},
    "density matrices": {"program": memristor_network(["x0"], time_constants=[4]), "emulator": "exact",
                         "noise": {"p_false_pos": 0.02}, "hardware": {"t2_us": 40.0, "loss": 0.01}},
}  # fmt: skip
QUICK = [name for name in DEVICES if name not in ("pulses", "density matrices", "entangled")]


def in_pieces(options: dict[str, Any], x: Floats, piece: int, *, reset_state: bool = False) -> tuple[Floats, Floats]:
    """Return the features of a stream, whole and from pieces of so many rounds."""
    every = {"layout": "stream", "scale": False, **options}
    whole = MemristorReservoir(**every).fit(x).transform(x)
    device = MemristorReservoir(**every, reset_state=reset_state).fit(x)
    return whole, np.concatenate([device.transform(x[i : i + piece]) for i in range(0, len(x), piece)])


@pytest.mark.parametrize("name", QUICK)
def test_a_stream_in_pieces_is_the_whole(name: str) -> None:
    whole, pieces = in_pieces(DEVICES[name], U, 10)

    assert whole.shape == pieces.shape
    assert np.abs(whole - pieces).max() < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("piece", [1, 3, 7, 10])
def test_a_stream_in_pieces_of_any_length_is_the_whole(name: str, piece: int) -> None:
    slow = name in ("pulses", "density matrices", "entangled")
    whole, pieces = in_pieces(DEVICES[name], U[:15] if slow else U, piece)

    assert np.abs(whole - pieces).max() < 1e-12


def test_a_stream_whose_atoms_stay_entangled_goes_on() -> None:
    whole, pieces = in_pieces(DEVICES["entangled"], U[:6], 3)

    assert np.abs(whole - pieces).max() < 1e-12


@pytest.mark.parametrize("name", ["exponential", "windows", "windows of rounds", "counting"])
def test_pieces_that_start_anew_are_not_the_whole(name: str) -> None:
    whole, pieces = in_pieces(DEVICES[name], U, 10, reset_state=True)

    assert np.allclose(whole[:10], pieces[:10], atol=1e-12)
    assert np.abs(whole[10:] - pieces[10:]).max() > 0.03


def test_fitting_starts_a_stream_anew() -> None:
    device = MemristorReservoir(layout="stream", reset_state=False).fit(U)
    first = device.transform(U)

    assert np.abs(device.transform(U) - first).max() > 0.01
    assert np.array_equal(device.fit(U).transform(U), first)


def test_series_side_by_side_go_on_each_from_where_it_stands() -> None:
    program, x = memristor_network(["x0"], time_constants=[4]), np.random.default_rng(1).uniform(size=(5, 8))
    whole = run_series(program, {"x0": x}, batch=2)
    first = run_series(program, {"x0": x[:, :3]}, batch=2, keep_state=True)
    rest = run_series(program, {"x0": x[:, 3:]}, batch=2, start=first.state, keep_state=True, workers=2)

    assert np.allclose(np.concatenate([first.means["m0"], rest.means["m0"]], axis=1), whole.means["m0"], atol=1e-12)
    assert rest.state is not None
    assert rest.state.rounds == 8


def test_sampled_streams_go_on_with_their_own_memory() -> None:
    device = MemristorReservoir(layout="stream", reset_state=False, shots=20_000, random_state=0, scale=False)
    exact = MemristorReservoir(layout="stream", scale=False).fit(U).transform(U)
    device.fit(U)
    found = np.concatenate([device.transform(U[i : i + 10]) for i in range(0, 40, 10)])

    assert np.abs(found - exact).max() < 6 * 0.5 / 20_000**0.5


def test_a_pipeline_tests_where_its_training_ended() -> None:
    task = narma_memristor(150, seed=0)
    program = memristor_network(["1 - x0 ** 2"], time_constants=[16])
    errors = []
    for reset_state in (True, False):
        device = MemristorReservoir(program, layout="stream", scale=False, reset_state=reset_state)
        model, folds = make_pipeline(device, Ridge(1e-6)), TimeSeriesSplit(3, test_size=20)
        scores = cross_val_score(model, task.inputs[:, None], task.targets, cv=folds, scoring="neg_mean_squared_error")
        errors.append(-float(scores.mean()))

    assert errors[1] < errors[0] / 2


def test_the_wash_out_is_left_out() -> None:
    options: dict[str, Any] = {"scale": False}
    stream = [MemristorReservoir(layout="stream", washout=n, **options).fit(U).transform(U) for n in (0, 7)]
    x = U.reshape(4, 10)
    series = [MemristorReservoir(readout="all", washout=n, **options).fit(x).transform(x) for n in (0, 7)]

    assert np.array_equal(stream[1], stream[0][7:])
    assert np.array_equal(series[1], series[0].reshape(4, 10, -1)[:, 7:].reshape(4, -1))


@pytest.mark.parametrize("layout", ["stream", "series", "window"])
def test_a_wash_out_that_leaves_nothing_is_refused(layout: Any) -> None:
    x = U[:10].T if layout == "series" else U[:10]
    with pytest.raises(InputError, match="washout must leave some of the 10 rounds of X, but is 10"):
        MemristorReservoir(layout=layout, washout=10).fit(x).transform(x)


def test_series_of_their_own_have_nothing_to_go_on_from() -> None:
    with pytest.raises(InputError, match="reset_state must be True in the layout 'series'"):
        MemristorReservoir(reset_state=False).fit(U)


def test_a_state_of_something_else_is_refused() -> None:
    program = memristor_network(["x0"], time_constants=[4])
    state = run_series(program, {"x0": [[0.5, 0.2]]}, keep_state=True).state

    with pytest.raises(InputError, match="start: series can go on with what they began with only, but differ in serie"):
        run_series(program, {"x0": [[0.5], [0.2]]}, start=state)
    with pytest.raises(InputError, match="differ in shots"):
        run_series(program, {"x0": [[0.5]]}, start=state, shots=5)
    with pytest.raises(InputError, match="start: must be the state that a run of series kept"):
        run_series(program, {"x0": [[0.5]]}, start=3)  # type: ignore[arg-type]  # what is refused


def test_a_program_with_two_loops_over_its_inputs_cannot_go_on() -> None:
    loops = [{"repeat": {"over": "u", "name": name, "body": [
        {"rotate": {"atom": "a", "angle": "u"}}, {"measure": {"atoms": "a", "key": name + "_m"}}]}}
        for name in ("one", "two")]  # fmt: skip
    with pytest.raises(InputError, match=r"must have one repeat over its inputs, .* but has 2 there and 2"):
        run_series(entangled(body=loops), {"u": [[0.5]]}, keep_state=True)
