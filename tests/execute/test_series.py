from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError, ProgramError
from rydberg_qmem.running.series import run_series

X = np.random.default_rng(0).uniform(size=(4, 5))
PARAMETERS = {"window": 3}


@pytest.mark.parametrize("program", ["two_port_memristor", "photonic_memristor", "native_memristor"])
def test_each_series_has_the_means_of_its_own_run(program: Any) -> None:
    emulator = "exact" if program == "native_memristor" else "ideal"
    x = X[:, :3] if program == "native_memristor" else X
    made = run_series(program, {"n_in": x}, parameters=PARAMETERS, emulator=emulator, batch=3)

    for row, series in enumerate(x):
        record = rq.run(program, inputs={"n_in": series}, parameters=PARAMETERS, shots=None, emulator=emulator)
        for name, means in made.means.items():
            assert np.allclose(means[row], record[name].values, atol=1e-11), name


@pytest.mark.parametrize("program", ["two_port_memristor", "photonic_memristor"])
def test_sampled_means_agree_with_exact_ones(program: Any) -> None:
    shots = 20_000
    exact = run_series(program, {"n_in": X}, parameters=PARAMETERS)
    sampled = run_series(program, {"n_in": X}, parameters=PARAMETERS, shots=shots, seed=5)

    reach = 6 * (0.5 if program == "two_port_memristor" else 2.0) / shots**0.5  # feedback spreads ensemble noise
    assert np.abs(sampled.means["clicks"] - exact.means["clicks"]).max() < reach
    assert np.abs(sampled.pairs["clicks"] - exact.pairs["clicks"]).max() < reach


def test_sampled_means_are_the_same_again() -> None:
    one, two = (run_series("photonic_memristor", {"n_in": X}, shots=50, seed=3) for _ in range(2))

    assert all(np.array_equal(one.means[name], two.means[name]) for name in one.means)


def test_probes_are_those_of_each_series() -> None:
    program = rq.Program(
        name="pair",
        register={"atoms": {"p": (0, 0), "q": (7, 0)}},
        inputs={"x": {"default": "0.5", "rounds": 2}},
        body=[
            {
                "repeat": {
                    "over": "x",
                    "body": [
                        {
                            "pulse": {
                                "channel": "rydberg_global",
                                "amplitude": 6,
                                "detuning": "8 * x",
                                "duration_ns": 100,
                            }
                        },
                        {"probe": {"key": "p", "atoms": "all", "occupation": True, "correlations": True}},
                    ],
                }
            }
        ],
    )
    made = run_series(program, {"x": X[:, :2]}, emulator="exact")

    for row, series in enumerate(X[:, :2]):
        record = rq.run(program, inputs={"x": series}, shots=None)
        for name, means in made.means.items():
            assert np.allclose(means[row], record[name].values, atol=1e-11), name


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"inputs must be given for \['n_in'\], but are for \['other'\]"):
        run_series("photonic_memristor", {"other": X})
    with pytest.raises(InputError, match="must all be of one shape"):
        run_series("photonic_memristor", {"n_in": X[0]})
    with pytest.raises((ProgramError, InputError)):
        run_series("photonic_memristor", {"n_in": X + 3.0})


@pytest.mark.parametrize("around", [
    {"hardware": {"loss": 0.1, "p_false_neg": 0.1}},
    {"noise": {"state_prep_error": 0.2, "p_false_pos": 0.05}},
    {"noise": {"relaxation_rate": 0.05}, "emulator": "exact"},
])  # fmt: skip
def test_noise_and_machines_are_those_of_a_run(around: Any) -> None:
    options = {"emulator": "ideal", **around}
    made = run_series("two_port_memristor", {"n_in": X[:2, :3]}, parameters=PARAMETERS, **options)

    for row, series in enumerate(X[:2, :3]):
        record = rq.run("two_port_memristor", inputs={"n_in": series}, parameters=PARAMETERS, shots=None, **options)
        assert np.allclose(made.means["clicks"][row], record.clicks.values, atol=1e-11)


def one_round(*blocks: dict[str, Any], **more: Any) -> rq.Program:
    """Return a program that does blocks with two atoms for each input, then resets them."""
    body = [*blocks, {"reset": {"atoms": "all"}}]
    return rq.Program(
        name="rounds", register={"atoms": {"a": (0, 0), "b": (40, 0)}},
        inputs={"x": {"default": "0", "rounds": 4}},
        body=[{"repeat": {"over": "x", "counter": "k", "body": body}}], **more,
    )  # fmt: skip


def test_pairs_are_means_over_the_shots_in_which_both_atoms_were_there() -> None:
    """The first atom clicks with chance 1/2, the second always; each is lost half of the time."""
    turns = ({"rotate": {"atom": "a", "angle": "pi / 2"}}, {"rotate": {"atom": "b", "angle": "pi"}})
    program = one_round(*turns, {"measure": {"atoms": ["a", "b"], "key": "m"}})

    for order in (["a", "b"], ["b", "a"]):
        program = one_round(*turns, {"measure": {"atoms": order, "key": "m"}})
        made = run_series(program, {"x": np.zeros((2, 1))}, hardware={"loss": 0.5})
        assert made.pairs["m"] == pytest.approx(0.5, abs=1e-12)
        assert made.means["m"][0, 0] == pytest.approx([0.5, 1.0] if order[0] == "a" else [1.0, 0.5], abs=1e-12)


def test_the_counter_of_series_that_go_on_counts_on() -> None:
    program = one_round({"set": {"last": "10 * k + x"}}, memory={"last": {"initial": -1}})
    x = np.arange(8.0).reshape(2, 4)

    first = run_series(program, {"x": x[:, :3]}, keep_state=True)
    rest = run_series(program, {"x": np.concatenate([x[:, 3:], x[:, 3:]], axis=1)}, start=first.state)

    assert first.means["last"].tolist() == [[-1, 0, 11], [-1, 4, 15]]
    assert rest.means["last"].tolist() == [[22, 33], [26, 37]]


def test_workers_change_no_number() -> None:
    one, two = (run_series("photonic_memristor", {"n_in": X}, shots=50, batch=2, workers=n) for n in (1, 2))

    assert all(np.array_equal(one.means[name], two.means[name]) for name in one.means)
    with pytest.raises(InputError, match="workers: must be a whole number of at least 1"):
        run_series("photonic_memristor", {"n_in": X}, workers=0)
