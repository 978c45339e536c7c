from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError, RunError

SIZES: Any = {"parameters": {"period": 4, "window": 2}, "rounds": 6}


def one_atom(*body: Any) -> rq.Program:
    loop = {"repeat": {"times": 3, "body": list(body)}}
    return rq.Program(name="p", register={"atoms": {"q": (0, 0)}}, memory={"x": {"initial": 0}}, body=[loop])


MEASURE = {"measure": {"atoms": "q", "key": "m"}}


def test_a_replayed_record_gives_the_same_outcomes_and_memory() -> None:
    record = rq.run("two_port_memristor", shots=50, seed=1, emulator="ideal", **SIZES)

    again = rq.run("two_port_memristor", shots=50, seed=99, emulator=rq.Replay(record), **SIZES)

    np.testing.assert_array_equal(again.clicks, record.clicks)
    np.testing.assert_array_equal(again.R, record.R)


def test_feedforward_follows_outcomes_written_by_hand() -> None:
    program = one_atom(MEASURE, {"set": {"x": "2 * x + m"}})

    record = rq.run(program, shots=2, emulator=rq.Replay({"m": [[1, 0, 1], [0, 1, 1]]}))

    assert record.x_final.values.tolist() == [5, 3]
    assert record.x.values.tolist() == [[0, 1, 2], [0, 0, 1]]


def test_time_passes_as_in_the_program() -> None:
    program = one_atom({"rotate": {"atom": "q", "angle": "m_before"}}, MEASURE)
    program = program.model_copy(update={"parameters": {"m_before": rq.Expression(1)}})

    replayed = rq.run(program, shots=1, emulator=rq.Replay({"m": [[1, 0, 1]]}))

    np.testing.assert_array_equal(replayed.time_us, rq.run(program, shots=1, seed=1).time_us)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ({"n": [[1, 0, 1]]}, "replay: no outcomes for key 'm'; did you mean|replay: no outcomes for key 'm'; known: n"),
        ({"m": [1, 0, 1]}, r"outcomes of key 'm' have shape \(3,\), but the program needs 2 axes and 2 shots"),
        ({"m": [[1, 0, 1]]}, r"outcomes of key 'm' have shape \(1, 3\)"),
        ({"m": [[1, 0], [0, 1]]}, "outcomes of key 'm' end before round"),
    ],
)
def test_outcomes_that_do_not_fit_the_program_are_refused_by_name(outcomes: Any, message: str) -> None:
    with pytest.raises(RunError, match=message):
        rq.run(one_atom(MEASURE), shots=2, emulator=rq.Replay(outcomes))


def test_outcomes_other_than_bits_are_refused() -> None:
    with pytest.raises(InputError, match="outcomes of key 'm' must be 0, 1 or -1"):
        rq.Replay({"m": [[2]]})


def test_a_replay_cannot_run_without_shots() -> None:
    with pytest.raises(InputError, match="emulator 'replay' cannot run with shots=None"):
        rq.run(one_atom(MEASURE), shots=None, emulator=rq.Replay({"m": [[1, 0, 1]]}))


def test_a_probe_has_nothing_to_look_at_in_a_replay() -> None:
    program = one_atom(MEASURE, {"probe": {"atoms": "q", "occupation": True, "key": "n"}})

    with pytest.raises(InputError, match="probe"):
        rq.run(program, shots=1, emulator=rq.Replay({"m": [[1, 0, 1]]}))
