"""Rounds as jobs: the same law as on the emulators, resumed where it was, all else refused with its reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pulser
import pytest
from pulser.backend import QPUBackend
from pulser_simulation import QutipBackendV2

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.journal import FILE
from rydberg_qmem.emulators.pulser_backend import PulserBackend
from rydberg_qmem.errors import CapabilityError, InputError, ProgramError, RunError, StoreError
from rydberg_qmem.verification import jobs_of, obstacles, parts_of
from tests.emulators.stand_in import FolderConnection

ALPHA_Z = 4.9
"""Standard errors that a fair sample exceeds once in a million."""
SPLINE = 0.004
"""How much pulse area Pulser's emulator loses where a 400 ns pulse of up to π begins and ends, on a probability."""

ANALOG: Mapping[str, Any] = {
    "name": "analog_memristor",
    "device": "AnalogDevice",
    "register": {"atoms": {"a": [-15, 0], "b": [15, 0]}},
    "inputs": {"n_in": {"default": "sin(pi * k / 4) ** 2", "rounds": 8}},
    "memory": {"R": {"initial": 0.5}, "seen": {"window": 3, "initial": 0.5}},
    "body": [
        {
            "repeat": {
                "over": "n_in",
                "body": [
                    {
                        "pulse": {
                            "channel": "rydberg_global",
                            "amplitude": {"constant": {"duration_ns": 400, "area": "2 * asin(sqrt(n_in * R))"}},
                        }
                    },
                    {"measure": {"atoms": "all", "key": "m"}},
                    {"reset": {"atoms": "all"}},
                    {"push": {"seen": "ensemble_mean(m.a + m.b) / 2 / max(R, 0.05)"}},
                    {"set": {"R": "clip(mean(seen), 0.05, 1)"}},
                ],
            }
        }
    ],
}
"""A memristor of the ensemble on a global Rydberg drive: the area of a round's pulse hangs on the last rounds' mean."""


def analog() -> rq.Program:
    return rq.Program.from_dict(ANALOG)


def one_round(*blocks: Mapping[str, Any], **fields: Any) -> rq.Program:
    register = {"atoms": {"a": [-15, 0], "b": [15, 0]}}
    given = {"name": "p", "device": "AnalogDevice", "register": register, "body": list(blocks), **fields}
    return rq.Program.from_dict(given)


def pulse(area: str = "pi", channel: str = "rydberg_global") -> Mapping[str, Any]:
    return {"pulse": {"channel": channel, "amplitude": {"constant": {"duration_ns": 400, "area": area}}}}


MEASURE = {"measure": {"atoms": "all", "key": "m"}}
RESET = {"reset": {"atoms": "all"}}


def qpu(folder: Path, **options: Any) -> PulserBackend:
    return PulserBackend(
        QPUBackend, connection=FolderConnection(folder / "cloud", **options), journal=folder / "journal", poll_s=0
    )


def worst_gap(record: Any) -> float:
    """Return how far the click means are from n_in R, in standard errors of their own R."""
    chance = (record.n_in * record.R.isel(shot=0)).values
    seen = record.m.mean(("shot", "m_atom")).values
    error = np.sqrt(chance * (1 - chance) / (2 * record.sizes["shot"]))
    return float(np.max(np.maximum(np.abs(seen - chance) - SPLINE, 0) / np.maximum(error, 1e-9)))


# --- the same law ---


def test_a_memristor_on_a_global_drive_follows_its_law_on_a_machine_that_reads_at_the_end(tmp_path: Path) -> None:
    emulator = qpu(tmp_path)

    record = rq.run(analog(), shots=1000, seed=3, emulator=emulator)

    assert worst_gap(record) < ALPHA_Z
    assert emulator.submitted == 8 == jobs_of(compile_program(analog()))
    np.testing.assert_array_equal(record.R, np.broadcast_to(record.R[0], record.R.shape))
    flipped = record.assign(m=1 - record.m)
    late = record.assign(m=record.m.roll(round=1))
    assert min(worst_gap(flipped), worst_gap(late)) > 3 * ALPHA_Z


def test_the_local_emulator_gives_the_same_record_for_the_same_seed() -> None:
    records = [
        rq.run(analog(), rounds=2, shots=50, seed=seed, emulator=PulserBackend(QutipBackendV2)) for seed in (7, 7, 8)
    ]

    assert records[0].m.equals(records[1].m)
    assert not records[0].m.equals(records[2].m)


def test_the_local_emulator_leaves_numpys_global_generator_as_it_was() -> None:
    np.random.seed(1)  # noqa: NPY002  # the state that Pulser samples with
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002  # the state that Pulser samples with

    rq.run(one_round(pulse("pi / 2"), MEASURE), shots=20, seed=1, emulator="pulser_backend")

    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002  # the state that Pulser samples with


def test_bits_of_atoms_in_another_order_come_back_under_their_names(tmp_path: Path) -> None:
    local = {"channel": "raman_local", "atoms": "b", "amplitude": {"constant": {"duration_ns": 400, "area": "pi"}}}
    measure = {"measure": {"atoms": ["b", "a"], "key": "m"}}
    program = one_round({"pulse": local}, measure, device="DigitalAnalogDevice")

    record = rq.run(program, shots=100, seed=1, emulator=qpu(tmp_path))

    assert record.m.sel(m_atom="b").mean() > 0.95
    assert record.m.sel(m_atom="a").sum() == 0


def test_a_round_that_never_leaves_the_ground_level_reads_zeros_in_every_basis() -> None:
    raman = {"channel": "raman_local", "atoms": "b", "amplitude": {"constant": {"duration_ns": 400, "area": "area"}}}
    program = one_round(
        {"pulse": raman}, pulse("pi"), {"measure": {"atoms": "all", "key": "m", "basis": "digital"}},
        device="DigitalAnalogDevice", parameters={"area": 0},
    )  # fmt: skip

    record = rq.run(program, shots=20, seed=1, emulator="pulser_backend")

    assert record.m.sum() == 0


def test_shots_of_a_job_have_no_order_so_rounds_are_not_correlated(tmp_path: Path) -> None:
    loop = {"repeat": {"times": 2, "body": [pulse("pi / 2"), MEASURE, RESET]}}

    bits = rq.run(one_round(loop), shots=1000, seed=5, emulator=qpu(tmp_path)).m.sel(m_atom="a").values

    assert abs(np.corrcoef(bits[:, 0], bits[:, 1])[0, 1]) < ALPHA_Z / np.sqrt(1000)


def test_more_shots_than_a_device_allows_become_several_jobs_of_one_batch(tmp_path: Path) -> None:
    emulator = qpu(tmp_path)

    record = rq.run(one_round(pulse("pi / 2"), MEASURE), shots=4500, seed=5, emulator=emulator)

    connection = emulator.options["connection"]
    assert connection._stored("batch0000")["runs"] == [2000, 2000, 500]
    assert abs(float(record.m.mean()) - 0.5) < ALPHA_Z * 0.5 / np.sqrt(9000) + SPLINE


def test_two_segments_of_one_round_carry_their_phases_into_one_sequence() -> None:
    ramsey = one_round(
        pulse("pi / 2"), {"phase_shift": {"atoms": "all", "angle": "x", "basis": "ground-rydberg"}},
        {"set": {"x": 0}}, pulse("pi / 2"), MEASURE, memory={"x": {"initial": "pi"}},
    )  # fmt: skip

    record = rq.run(ramsey, shots=100, seed=1, emulator="pulser_backend")

    assert record.m.mean() < 0.02


def test_atoms_wait_in_the_dark_where_the_other_side_of_a_choice_would_play(tmp_path: Path) -> None:
    choice = {"when": {"if": "x > 0", "then": [pulse("pi")], "otherwise": []}}
    program = one_round(pulse("pi"), choice, MEASURE, memory={"x": {"initial": 0}})
    emulator = qpu(tmp_path)

    record = rq.run(program, shots=5, seed=1, emulator=emulator)

    told = emulator.options["connection"]._stored("batch0000")["sequence"]
    assert pulser.Sequence.from_abstract_repr(told).get_duration() == 800
    assert record.m.mean() == 1


# --- resuming ---


@pytest.mark.slow
def test_a_run_whose_line_dies_goes_on_where_it_was_without_submitting_again(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"round 3, cohort 0: .*ConnectionError: the line is dead"):
        rq.run(analog(), shots=200, seed=3, emulator=qpu(tmp_path, fails_after=3))
    again = qpu(tmp_path)
    with pytest.raises(StoreError, match=r"while it submitted this job.*resubmit=True"):
        rq.run(analog(), shots=200, seed=3, emulator=again)
    emulator = PulserBackend(
        QPUBackend, connection=again.options["connection"], journal=tmp_path / "journal", resubmit=True, poll_s=0
    )

    resumed = rq.run(analog(), shots=200, seed=3, emulator=emulator)

    assert emulator.submitted == 5
    assert len(emulator.options["connection"].batches) == 8
    whole = rq.run(analog(), shots=200, seed=3, emulator=qpu(tmp_path / "other"))
    assert resumed.equals(whole)


KILLED = """
import sys
from pathlib import Path
import rydberg_qmem as rq
from tests.emulators.test_pulser_backend import KillAt, analog
rq.run(analog(), shots=200, seed=3, emulator=KillAt(Path(sys.argv[1])))
"""


class KillAt(PulserBackend):
    """Ends its process, as a kill does, after the third job is submitted and before its result is fetched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            QPUBackend, connection=FolderConnection(folder / "cloud"), journal=folder / "journal", poll_s=0
        )

    def _fetch(self, entry: Any, ticket: Any) -> Any:
        if self.submitted == 3:
            import os

            os._exit(9)
        return super()._fetch(entry, ticket)


@pytest.mark.slow
def test_a_run_killed_between_two_rounds_resumes_to_the_same_record(tmp_path: Path) -> None:
    root = Path(rq.__file__).parent.parent
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, timeout=120, check=False)
    assert killed.returncode == 9

    emulator = qpu(tmp_path)
    resumed = rq.run(analog(), shots=200, seed=3, emulator=emulator)

    assert emulator.submitted == 5
    whole = rq.run(analog(), shots=200, seed=3, emulator=qpu(tmp_path / "other"))
    assert resumed.equals(whole)


def test_a_torn_last_line_of_a_journal_is_dropped(tmp_path: Path) -> None:
    program = one_round(pulse("pi / 2"), MEASURE)
    first = rq.run(program, shots=30, seed=2, emulator=qpu(tmp_path))
    journal = tmp_path / "journal" / FILE
    journal.write_bytes(journal.read_bytes()[:-20])
    emulator = qpu(tmp_path)

    again = rq.run(program, shots=30, seed=2, emulator=emulator)

    assert emulator.submitted == 0
    assert again.equals(first)


def test_a_journal_of_another_program_is_refused(tmp_path: Path) -> None:
    rq.run(one_round(pulse("pi / 2"), MEASURE), shots=30, seed=2, emulator=qpu(tmp_path))

    with pytest.raises(StoreError, match="belongs to another program"):
        rq.run(one_round(pulse("pi / 3"), MEASURE), shots=30, seed=2, emulator=qpu(tmp_path))


def test_a_broken_journal_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / FILE).write_text("{}\n")

    with pytest.raises(StoreError, match=r"jobs.jsonl:1: is not a line of a journal"):
        qpu(tmp_path)


# --- what is refused ---

REFUSED = [
    ([pulse(), MEASURE, pulse()], "body\\[2\\].pulse: pulses: plays on after a measurement"),
    ([pulse(), {"reset": {"atoms": "a"}}, pulse()], "body\\[2\\].pulse: pulses: plays on after a reset .* left b"),
    ([MEASURE], "body\\[0\\].measure: measure: nothing has been played"),
    ([pulse(), {"reset": {"atoms": "a"}}, MEASURE], "body\\[2\\].measure: measure: reads atoms after their reset"),
    ([pulse(), {"probe": {"atoms": "all", "key": "p", "occupation": True}}], "body\\[1\\].probe: probe: a probe looks"),
    (
        [{"repeat": {"times": 2, "body": [pulse(), MEASURE]}}],
        "body\\[0\\].repeat.body\\[0\\].pulse: pulses: plays on after a measurement",
    ),
    (
        [pulse(), MEASURE, RESET, {"when": {"if": "m.a == 1", "then": [pulse()]}}],
        "body\\[3\\].when: when: which side is taken differs from shot to shot \\(m\\)",
    ),
    (
        [pulse(), MEASURE, RESET, {"set": {"x": "m.a"}}, {"set": {"y": "x"}}, pulse("y"), MEASURE],
        "body\\[5\\].pulse: pulses: y differs from shot to shot \\(y\\)",
    ),
    ([{"set": {"x": "uniform()"}}, pulse("x"), MEASURE], "x differs from shot to shot \\(x\\)"),
]


@pytest.mark.parametrize(("blocks", "message"), REFUSED)
def test_what_is_not_a_job_is_refused_with_place_and_reason(blocks: list[Any], message: str) -> None:
    program = one_round(*blocks)

    with pytest.raises(ProgramError, match=message):
        rq.run(program, shots=10, seed=1, emulator="pulser_backend")


def test_a_mean_over_the_ensemble_is_no_obstacle_and_a_mean_of_one_shot_is() -> None:
    blocks = [pulse("x"), MEASURE, RESET]
    shared = one_round({"repeat": {"times": 3, "body": [*blocks, {"set": {"x": "ensemble_mean(m.a)"}}]}},
                       memory={"x": {"initial": 1}})  # fmt: skip
    single = one_round({"repeat": {"times": 3, "body": [*blocks, {"set": {"x": "ensemble_mean(m.a) * m.a"}}]}},
                       memory={"x": {"initial": 1}})  # fmt: skip

    assert not obstacles(compile_program(shared))
    assert [part.what for part in obstacles(compile_program(single))] == ["pulses"]


def test_of_the_gallery_just_these_run_as_jobs() -> None:
    names = ["rabi", "photonic_memristor", "two_port_memristor", "weak_measurement", "cz_gate"]

    free = {name for name in names if not obstacles(compile_program(rq.load(name)))}

    assert free == {"rabi", "photonic_memristor"}
    assert all(part.place.startswith("body") for part in parts_of(compile_program(rq.load("cz_gate"))))


def test_a_virtual_device_is_refused_in_pulsers_words_unless_it_need_not_mimic_a_machine() -> None:
    program = one_round(pulse("pi"), MEASURE, device="MockDevice")

    with pytest.raises(CapabilityError, match="must be a real device"):
        rq.run(program, shots=10, seed=1, emulator="pulser_backend")
    assert rq.run(program, shots=10, seed=1, emulator=PulserBackend(mimic_qpu=False)).m.mean() == 1


def test_several_processes_and_exact_runs_are_refused() -> None:
    program = one_round(pulse("pi"), MEASURE)

    with pytest.raises(CapabilityError, match="shots=None"):
        rq.run(program, shots=None, emulator="pulser_backend")
    with pytest.raises(InputError, match="in one process"):
        rq.run(program, shots=50_000, seed=1, emulator=PulserBackend(), workers=2)


def test_the_stand_in_offers_real_devices(tmp_path: Path) -> None:
    devices = FolderConnection(tmp_path).fetch_available_devices()

    assert all(isinstance(device, pulser.devices.Device) for device in devices.values())


# --- the photonic memristor ---


def settled_area(record: Any, period: int) -> float:
    x = record.n_in.values[period:]
    y = record.clicks.sel(clicks_atom="s").mean("shot").values[period:]
    return float(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)


@pytest.mark.slow
def test_the_photonic_memristor_gives_the_area_of_its_law_round_by_round_on_a_machine(tmp_path: Path) -> None:
    spread = [
        settled_area(rq.run("photonic_memristor", shots=1000, seed=seed, emulator="ideal"), 24) for seed in range(20)
    ]
    emulator = qpu(tmp_path)

    record = rq.run("photonic_memristor", shots=1000, seed=1, emulator=emulator)

    assert emulator.submitted == 48
    gap = abs(settled_area(record, 24) - 0.294922)
    assert gap < ALPHA_Z * np.std(spread, ddof=1) + 0.003  # gates at the pulse level, within a hundredth each
