"""What a machine's measurement does: misread bits, lost atoms, spectators, and the time that passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem.analysis import mitigation
from rydberg_qmem.language.hardware import PROFILES, HardwareProfile, profile_of

E01, E10 = 0.03, 0.07
READOUT = {"p_false_pos": E01, "p_false_neg": E10}


def memristor(*, steer: str | None = "seen.a", period: int = 12) -> rq.Program:
    """An ensemble memristor whose reflectivity follows what the ancilla saw in the last rounds."""
    return rq.Program.from_dict(
        {
            "name": "loop",
            "register": {"atoms": {"s": (0, 0), "a": (5, 0)}},
            "parameters": {"period": period, "e01": 0.0, "e10": 0.0},
            "inputs": {"n_in": {"default": "sin(pi * k / period) ** 2", "rounds": "2 * period"}},
            "memory": {"R": {"initial": 0.5}, "last": {"window": 4, "initial": 0.5}},
            "body": [
                {"repeat": {"over": "n_in", "body": [
                    {"rotate": {"atom": "s", "angle": "2 * asin(sqrt(n_in))"}},
                    {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": "R"}},
                    {"measure": {"atoms": ["s", "a"], "key": "seen"}},
                    {"reset": {"atoms": ["s", "a"]}},
                    {"push": {"last": "0" if steer is None else f"ensemble_mean({steer})"}},
                    {"set": {"R": "clip(0.2 + 0.6 * mean(last), 0, 1)"}},
                ]}},
            ],
        }
    )  # fmt: skip


def test_exact_clicks_are_those_of_the_confusion_matrix() -> None:
    fixed = memristor(steer="0 * seen.a")
    true = rq.run(fixed, shots=None, emulator="ideal").seen

    read = rq.run(fixed, shots=None, emulator="ideal", hardware=READOUT)

    assert float(np.abs(read.seen - ((1 - E10) * true + E01 * (1 - true))).max()) < 1e-9
    reflected = read.R * read.n_in
    assert float(np.abs(read.seen.sel(seen_atom="a") - ((1 - E10) * reflected + E01 * (1 - reflected))).max()) < 1e-9


@pytest.mark.parametrize("angle", [0.0, 1.0, np.pi])
def test_clicks_that_nothing_reads_are_those_of_the_confusion_matrix_too(angle: float) -> None:
    body = [{"rotate": {"atom": "q", "angle": angle}}, {"measure": {"atoms": "q", "key": "m"}}]
    program = rq.Program.from_dict({"name": "once", "register": {"atoms": {"q": (0, 0)}}, "body": body})

    read = float(rq.run(program, shots=None, emulator="ideal", hardware=READOUT).m)

    assert read == pytest.approx(E01 + (1 - E01 - E10) * np.sin(angle / 2) ** 2, abs=1e-12)


def test_unfolding_takes_the_confusion_of_each_atom_from_the_record() -> None:
    """0 of p is read as 1 with chance 0.1 and 1 as 0 with 0.3; of q the other way round."""
    turns = [{"rotate": {"atom": name, "angle": 1.0}} for name in "pq"]
    body = [*turns, {"measure": {"atoms": ["p", "q"], "key": "m"}}]
    data = {"name": "two", "register": {"atoms": {"p": (0, 0), "q": (40, 0)}}, "body": body}
    matrices = {"p": [[0.9, 0.1], [0.3, 0.7]], "q": [[0.7, 0.3], [0.1, 0.9]]}
    click = np.sin(0.5) ** 2

    record = rq.run(rq.Program.from_dict(data), shots=None, emulator="ideal", hardware={"confusion": matrices})

    assert record.m.values == pytest.approx([0.1 + 0.6 * click, 0.3 + 0.6 * click], abs=1e-12)
    assert mitigation.unfold(record, "m").probability.values == pytest.approx([click, click], abs=1e-12)


def test_errors_of_what_is_kept_and_of_joint_outcomes_count_cohorts() -> None:
    """Shots of a cohort are all alike: half of four cohorts are kept, and half of those kept show 11."""
    cohorts = np.array([[-1, 0], [1, 1], [1, -1], [0, 0]], dtype=np.int8).repeat(25, axis=0)
    record = xr.Dataset({"m": (("shot", "m_atom"), cohorts)}, {"m_atom": ["a", "b"]}, {"ensemble_cohort": 25})

    kept = mitigation.select_kept(record)
    joint = mitigation.unfold_joint(kept, "m", confusion=(0.0, 0.0)).sel(outcome="11")

    assert kept.attrs["kept_fraction"] == 0.5
    assert kept.attrs["kept_fraction_error"] == pytest.approx(np.sqrt(0.25 * 4 / 3) / np.sqrt(4))
    assert float(joint.probability_error) == pytest.approx(np.sqrt(0.25 * 2) / np.sqrt(2))


def test_the_loss_of_an_atom_and_the_dephasing_of_another_are_independent() -> None:
    """Half a turn there and back, dephased half of the time in between while the third atom is lost half of the time.

    It then clicks with chance 1/4, lost or not.
    """
    shots, turn = 4000, {"atom": "a", "angle": "pi / 2"}
    register = {"atoms": {name: (15 * k, 0) for k, name in enumerate("abc")}}
    body = [{"rotate": turn}, {"measure": {"atoms": "c", "key": "m"}}, {"rotate": turn | {"angle": "-pi / 2"}},
            {"measure": {"atoms": "a", "key": "n"}}]  # fmt: skip
    program = rq.Program.from_dict({"name": "three", "register": register, "body": body})
    disturbing = {"loss": 0.5, "spectator_dephasing": 0.5}

    found = rq.run(program, shots=shots, seed=3, emulator="ideal", state="vector", hardware=disturbing)

    lost, stayed = found.m.values.ravel() < 0, found.n.values.ravel() >= 0
    clicks = [found.n.values.ravel()[rows & stayed] for rows in (lost, ~lost)]
    assert [len(rows) for rows in clicks] == pytest.approx([shots / 4] * 2, abs=5 * np.sqrt(3 * shots) / 4)
    assert [rows.mean() for rows in clicks] == pytest.approx([0.25] * 2, abs=5.2 * np.sqrt(3 / 16 / (shots / 4)))


def test_misreading_leaves_the_state_alone() -> None:
    twice = [
        {"rotate": {"atom": "q", "angle": "pi"}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"measure": {"atoms": "q", "key": "n"}},
    ]
    program = rq.Program.from_dict({"name": "twice", "register": {"atoms": {"q": (0, 0)}}, "body": twice})

    record = rq.run(program, shots=20_000, seed=1, emulator="ideal", hardware={"p_false_neg": 0.2})

    both = float(((record.m == 0) & (record.n == 0)).mean())
    assert abs(float(record.m.mean()) - 0.8) < 5 * np.sqrt(0.16 / 20_000)
    assert abs(both - 0.04) < 5 * np.sqrt(0.04 * 0.96 / 20_000)


def area(record: xr.Dataset, response: Any) -> tuple[float, float]:
    made = rq.analysis.hysteresis(record, drive="n_in", response=response, period=12)
    return float(made.area), float(made.area_error)


def test_unfolding_restores_the_area_of_the_loop() -> None:
    """Both the control (in the program) and the analysis unfold; without it the loop is measurably another one."""
    ideal, _ = area(rq.run(memristor(), shots=None, emulator="ideal"), "seen.s")
    steered = memristor(steer="(seen.a - e01) / (1 - e01 - e10)")
    record = rq.run(steered, shots=20_000, seed=2, emulator="ideal", hardware=READOUT,
                    parameters={"e01": E01, "e10": E10})  # fmt: skip

    made, error = area(record, mitigation.unfolded(record, "seen.s"))

    assert abs(made - ideal) < 4 * error
    assert error < 0.04 * ideal


def test_readout_errors_that_nobody_unfolds_make_another_loop() -> None:
    ideal, _ = area(rq.run(memristor(), shots=None, emulator="ideal"), "seen.s")
    record = rq.run(memristor(), shots=20_000, seed=2, emulator="ideal", hardware={"p_false_neg": 0.3})

    raw, error = area(record, "seen.s")

    assert abs(raw - ideal) > 4 * error


def test_unfolded_probabilities_have_the_errors_of_their_scatter() -> None:
    program = memristor(steer=None)
    made = [mitigation.unfold(rq.run(program, shots=300, seed=s, emulator="ideal", hardware=READOUT), "seen.s")
            for s in range(20)]  # fmt: skip

    scatter = np.std([m.probability.values for m in made], axis=0, ddof=1)
    stated = np.mean([m.probability_error.values for m in made], axis=0)

    alive = stated > 0
    assert np.mean(scatter[alive]) == pytest.approx(np.mean(stated[alive]), rel=0.12)


def test_shots_of_one_cohort_under_its_own_mean_tell_no_error() -> None:
    record = rq.run(memristor(), shots=300, seed=1, emulator="ideal", hardware=READOUT)

    assert mitigation.unfold(record, "seen.s").probability_error.isnull().all()


def test_joint_outcomes_unfold_to_those_without_errors() -> None:
    program = memristor(steer="0 * seen.a")
    noisy = rq.run(program, shots=20_000, seed=3, emulator="ideal", hardware=READOUT)
    clean = rq.run(program, shots=20_000, seed=4, emulator="ideal")

    one, two = mitigation.unfold_joint(noisy, "seen"), mitigation.unfold_joint(clean, "seen")

    spread = np.sqrt(one.probability_error**2 + two.probability_error**2) + 1e-3
    assert float((np.abs(one.probability - two.probability) / spread).max()) < 5


def lossy(rounds: int, *, reset: bool) -> rq.Program:
    body: list[dict[str, Any]] = [
        {"rotate": {"atom": "q", "angle": "pi / 2"}},
        {"measure": {"atoms": "q", "key": "m"}},
    ]
    if reset:
        body.append({"reset": {"atoms": "q"}})
    data = {"name": "lossy", "register": {"atoms": {"q": (0, 0), "p": (5, 0)}},
            "body": [{"repeat": {"times": rounds, "body": body}}]}  # fmt: skip
    return rq.Program.from_dict(data)


@pytest.mark.parametrize("state", ["vector", "density_matrix"])
def test_atoms_stay_lost_until_they_are_replaced(state: str) -> None:
    loss, shots = 0.1, 20_000
    kept = rq.run(lossy(3, reset=False), shots=shots, seed=5, hardware={"loss": loss}, state=state)
    replaced = rq.run(lossy(3, reset=True), shots=shots, seed=5, hardware={"loss": loss}, state=state)

    gone, again = (kept.m < 0).mean("shot").values, (replaced.m < 0).mean("shot").values

    survive = 0.9 ** np.arange(1, 4)
    assert np.abs(gone - (1 - survive)).max() < 5 * np.sqrt(0.25 / shots)
    assert np.abs(again - loss).max() < 5 * np.sqrt(loss * (1 - loss) / shots)
    assert bool(((kept.m.diff("round") < 0) | (kept.m.isel(round=slice(1, None)) >= -1)).all())


def test_exact_means_are_over_the_atoms_that_are_there() -> None:
    record = rq.run(lossy(3, reset=False), shots=None, hardware={"loss": 0.3})

    assert np.abs(record.m.values - 0.5).max() < 1e-9


def test_a_lost_neighbour_blocks_nothing() -> None:
    """A pi pulse on an atom is blockaded by an excited neighbour, unless measuring took the neighbour away."""

    def flip(atom: str) -> dict[str, Any]:
        shape = {"constant": {"duration_ns": 200, "value": "pi / 0.2"}}
        return {"pulse": {"channel": "rydberg_local", "atoms": atom, "amplitude": shape, "detuning": 0}}

    body = [flip("q"), {"measure": {"atoms": "q", "key": "m"}}, flip("p"), {"measure": {"atoms": "p", "key": "n"}}]
    data = {"name": "gone", "device": "MockDevice", "register": {"atoms": {"q": (0, 0), "p": (4, 0)}}, "body": body}
    program = rq.Program.from_dict(data)

    there = rq.run(program, shots=None)
    gone = rq.run(program, shots=None, hardware={"loss": 0.25})

    free = 0.25 * 1.0 + 0.75 * float(there.n)
    assert float(gone.n) == pytest.approx(free, abs=1e-9)


def test_shots_without_losses_can_be_selected() -> None:
    record = rq.run(lossy(3, reset=False), shots=20_000, seed=6, hardware={"loss": 0.1})

    kept = mitigation.select_kept(record)

    assert int(kept.m.min()) == 0
    assert abs(kept.attrs["kept_fraction"] - 0.9**3) < 5 * kept.attrs["kept_fraction_error"]


def test_preparation_that_fails_leaves_an_atom_that_reads_zero() -> None:
    body = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    program = rq.Program.from_dict({"name": "prep", "register": {"atoms": {"q": (0, 0)}}, "body": body})

    exact = rq.run(program, shots=None, noise={"state_prep_error": 0.2, "p_false_neg": 0.1, "p_false_pos": 0.05})

    assert float(exact.m) == pytest.approx(0.8 * 0.9 + 0.2 * 0.05, abs=1e-9)


def looker_on(measures: int = 1) -> rq.Program:
    body: list[dict[str, Any]] = [{"rotate": {"atom": "p", "angle": "pi / 2"}}]
    body += [{"measure": {"atoms": "q", "key": f"m{k}"}} for k in range(measures)]
    body += [{"probe": {"atoms": "p", "key": "rho", "density_matrix": True}}]
    data = {"name": "looker", "register": {"atoms": {"q": (0, 0), "p": (30, 0)}}, "body": body}
    return rq.Program.from_dict(data)


def bloch(record: xr.Dataset) -> tuple[float, float]:
    rho = record.rho.values  # levels g, h
    return 2 * float(rho[0, 1].real), float((rho[0, 0] - rho[1, 1]).real)


@pytest.mark.parametrize(("shots", "state"), [(None, "density_matrix"), (20_000, "vector"), (2000, "density_matrix")])
def test_spectators_lose_coherence_and_scatter(shots: int | None, state: str) -> None:
    hardware = {"spectator_dephasing": 0.2, "spectator_heating": 0.1}
    x0, z0 = bloch(rq.run(looker_on(), shots=None))

    x, z = bloch(rq.run(looker_on(2), shots=shots, seed=7, hardware=hardware, state=state))

    within = 1e-9 if state == "density_matrix" else 5 / np.sqrt(20_000)
    assert abs(x - x0 * (0.8 * 0.9) ** 2) < within
    assert abs(z - z0 * 0.81) < within


@pytest.mark.parametrize("state", ["density_matrix", "vector"])
def test_atoms_that_wait_decohere_as_their_lifetimes_say(state: str) -> None:
    hardware = {"imaging_us": 500, "readout_latency_us": 200, "t1_us": 3000, "t2_us": 1000}
    x0, z0 = bloch(rq.run(looker_on(), shots=None))
    shots = None if state == "density_matrix" else 20_000

    x, z = bloch(rq.run(looker_on(), shots=shots, seed=8, hardware=hardware, state=state))

    within = 1e-4 if shots is None else 5 / np.sqrt(20_000)  # the pulse itself takes 1e-4 of t2
    assert abs(x - x0 * np.exp(-0.7)) < within
    assert abs(z - (1 - (1 - z0) * np.exp(-0.7 / 3))) < within


def test_time_is_laboratory_time() -> None:
    plain = rq.run(memristor(), shots=None, emulator="ideal").time_us
    machine = HardwareProfile(imaging_us=25, readout_latency_us=4, decision_latency_us=1, reset_us=70)

    slow = rq.run(memristor(), shots=None, emulator="ideal", hardware=machine).time_us

    assert np.abs(slow - plain - 100 * np.arange(24)).max() < 1e-9


def test_a_branch_waits_for_the_measurement_that_the_other_makes() -> None:
    body = [
        {"rotate": {"atom": "q", "angle": "pi / 2"}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"rotate": {"atom": "p", "angle": "pi / 2"}},
        {"when": {"if": "m == 1", "then": [{"measure": {"atoms": "q", "key": "n"}}]}},
        {"probe": {"atoms": "p", "key": "rho", "density_matrix": True}},
    ]
    data = {"name": "wait", "register": {"atoms": {"q": (0, 0), "p": (30, 0)}}, "body": body}

    x, _ = bloch(rq.run(rq.Program.from_dict(data), shots=None, hardware={"imaging_us": 700, "t2_us": 1000}))

    assert x == pytest.approx(np.exp(-0.7), abs=1e-3)


def test_the_budget_is_told() -> None:
    made = str(rq.estimate(lossy(3, reset=True), shots=1000, hardware="zoned_2024"))

    assert "s per shot" in made
    assert "hours for 1000 shots" in made


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_number_of_a_profile_has_a_source(name: str) -> None:
    profile = PROFILES[name]

    assert {field for field, _, _ in profile.rows()} == set(profile.sources)


def test_profiles_come_from_files(tmp_path: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nimaging_us: 12\nconfusion: {q: [[0.9, 0.1], [0.2, 0.8]]}\n")

    mine = profile_of(path)

    assert mine is not None
    assert mine.confusion_of("q") == (0.1, 0.2)
    assert mine.confusion_of("p") == (0.0, 0.0)


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        ("zoned_2025", "did you mean 'zoned_2024'"),
        ({"imaging": 3}, "hardware.imaging: is not known here; did you mean 'imaging_us'"),
        ({"t1_us": 1, "t2_us": 3}, "t2_us at most twice t1_us"),
        ({"confusion": {"z": [[1, 0], [0, 1]]}}, "no atom 'z'"),
        ({"confusion": {"s": [[1, 0.1], [0, 1]]}}, "add up to 1"),
    ],
)
def test_bad_hardware_is_refused(hardware: Any, message: str) -> None:
    with pytest.raises(rq.QmemError, match=message):
        rq.run(memristor(), shots=10, hardware=hardware)


def test_two_sources_of_readout_errors_are_one_too_many() -> None:
    with pytest.raises(rq.InputError, match="both have readout errors"):
        rq.run(memristor(), shots=10, hardware=READOUT, noise={"p_false_pos": 0.1})
