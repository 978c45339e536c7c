"""Chains of jobs against a stand-in cloud: whatever is lost or killed on the way, no job is sent twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pulser.backend import QPUBackend

import rydberg_qmem as rq
from rydberg_qmem.emulators.pulser_backend import PulserBackend
from rydberg_qmem.errors import InputError, RunError, StoreError
from tests.emulators.cloud import Cloud, HttpConnection, served
from tests.emulators.test_pulser_backend import ANALOG, analog

ROUNDS = 4
ROOT = Path(rq.__file__).parent.parent


def backend(url: str, folder: Path, *, poll_s: float = 0.0, finds: bool = True, **options: Any) -> PulserBackend:
    connection = HttpConnection(url, **options)
    lookup = connection.lookup if finds else None
    return PulserBackend(QPUBackend, connection=connection, journal=folder, poll_s=poll_s, lookup=lookup)


def chain(url: str, folder: Path, rounds: int = ROUNDS, **options: Any) -> Any:
    return rq.run(analog(), rounds=rounds, shots=200, seed=3, emulator=backend(url, folder, **options))


@pytest.mark.parametrize("lost", ["unheard", "unsent"])
def test_a_submission_that_was_cut_short_is_taken_up_or_sent_and_never_sent_twice(tmp_path: Path, lost: str) -> None:
    with served(Cloud()) as cloud:
        whole = chain(cloud.url, tmp_path / "whole", 3)
        with pytest.raises(RunError, match=r"round 1, cohort 0: .*the line (is dead|died)"):
            chain(cloud.url, tmp_path / "cut", 3, **{lost: 1})
        resumed = chain(cloud.url, tmp_path / "cut", 3)

        assert len(cloud.batches) == 6
    assert resumed.equals(whole)


def test_without_a_lookup_nobody_knows_and_the_run_stops(tmp_path: Path) -> None:
    with served(Cloud()) as cloud:
        with pytest.raises(RunError):
            chain(cloud.url, tmp_path, 2, unheard=0)

        with pytest.raises(StoreError, match="may be on its way"):
            chain(cloud.url, tmp_path, 2, finds=False)


def test_two_new_batches_of_one_submission_are_named_and_neither_is_taken(tmp_path: Path) -> None:
    with served(Cloud()) as cloud:
        with pytest.raises(RunError):
            chain(cloud.url, tmp_path, 1, unheard=0)
        first = next(iter(cloud.batches.values()))
        cloud.create({"sequence_builder": first["sequence_builder"], "jobs": [{"runs": 200}]})

        with pytest.raises(StoreError, match=r"2 new batches of its sequence: .*0001, .*0000"):
            chain(cloud.url, tmp_path, 1)


def test_a_queue_is_waited_for_and_a_job_is_read_back_by_each_of_its_names(tmp_path: Path) -> None:
    with served(Cloud(queue=2)) as cloud:
        chain(cloud.url, tmp_path, 1)
        batch, job = next(iter(cloud.batches)), next(iter(cloud.jobs))
        counts = cloud.counter(cloud.jobs[job])

    emulator = PulserBackend(journal=tmp_path)
    for name in (batch, job, next(iter(emulator.journal.entries))):
        assert emulator.stored(name).counts == counts
    with pytest.raises(InputError, match="job: the journal has no job 'other'"):
        emulator.stored("other")


def test_a_job_that_fails_is_an_error_of_the_run_at_its_round(tmp_path: Path) -> None:
    with served(Cloud(failing=[1])) as cloud, pytest.raises(RunError, match=r"round 1, cohort 0: .*no results"):
        chain(cloud.url, tmp_path, 2)


NURSERY = """
import os, sys
from pathlib import Path
from tests.emulators.test_cloud_jobs import chain
chain(sys.argv[1], Path(sys.argv[2]), poll_s=0.05)
print("ready", flush=True)
for line in sys.stdin:
    url, folder = line.split()
    child = os.fork()
    if not child:
        chain(url, Path(folder), poll_s=0.05)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""A process that has imported everything once, and lets a child run a chain for each line that it reads."""


@pytest.mark.slow
def test_twenty_of_twenty_kills_resume_to_the_same_record_with_no_job_sent_twice(tmp_path: Path) -> None:
    chance, killed = random.Random(22), 0
    with served(Cloud(queue=1, latency_s=0.02)) as cloud, _nursery(cloud.url, tmp_path / "warm") as nursery:
        assert nursery.stdin
        assert nursery.stdout
        assert nursery.stdout.readline() == "ready\n"
        began = time.monotonic()
        whole = chain(cloud.url, tmp_path / "whole", poll_s=0.05)
        span = time.monotonic() - began
        for trial in range(40):
            if killed == 20:
                break
            cloud.forget()
            folder = tmp_path / str(trial)
            nursery.stdin.write(f"{cloud.url} {folder}\n")
            nursery.stdin.flush()
            worker = int(nursery.stdout.readline())
            while not _noted(folder, "submitting"):
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.6 * span))
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
            ended = int(nursery.stdout.readline())
            killed += ended == signal.SIGKILL and _noted(folder, "done") < ROUNDS

            resumed = chain(cloud.url, folder, poll_s=0.05)

            assert len(cloud.batches) == ROUNDS
            assert resumed.equals(whole)
    assert killed == 20


def _nursery(url: str, folder: Path) -> subprocess.Popen[str]:
    call = [sys.executable, "-c", NURSERY, url, str(folder)]
    return subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _noted(folder: Path, state: str) -> int:
    """Return how many lines of a journal have a state."""
    journal = folder / "jobs.jsonl"
    return journal.read_text().count(f'"state": "{state}"') if journal.exists() else 0


MUTATIONS: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    "",
    "done",
    "\x00",
    "submitted",
    [],
    [1],
    {},
    {"00": -1},
    {"0": 200},
    "a",
)


def mutated(text: bytes, chance: random.Random) -> bytes:
    """Return a journal with a field changed, left out or added, or with bytes flipped, dropped or doubled."""
    lines = text.splitlines()
    at = chance.randrange(len(lines))
    kind = chance.randrange(8)
    if kind < 4:
        data = json.loads(lines[at])
        name = chance.choice([*data, "extra"])
        if kind == 0 and name in data:
            del data[name]
        else:
            data[name] = chance.choice(MUTATIONS)
        lines[at] = json.dumps(data).encode()
    elif kind == 4:
        lines[at] = chance.choice([b"", b"3", b"[]", b"null", b"[" * 5000, b'"x"', b"\xff\xfe", b"1" * 5000, b"NaN"])
    elif kind == 5:
        lines.insert(at, chance.choice(lines))
    else:
        line = bytearray(lines[at])
        for _ in range(chance.choice((1, 1, 3))):
            line[chance.randrange(len(line))] = chance.randrange(256)
        lines[at] = bytes(line)
    return b"\n".join(lines) + (b"\n" if chance.random() < 0.8 else b"")


def ends(count: int, seed: int, folder: Path) -> dict[str, int]:
    """Resume from so many mutated journals; return how many ran, and how many were refused by our own error."""
    chance, found = random.Random(seed), {"ran": 0, "refused": 0}
    program = rq.Program.from_dict({**ANALOG, "inputs": {"n_in": {"default": "0.3", "rounds": 2}}})
    with served(Cloud()) as cloud:
        rq.run(program, shots=20, seed=3, emulator=backend(cloud.url, folder / "whole"))
        text = (folder / "whole" / "jobs.jsonl").read_bytes()
        (folder / "cut").mkdir()
        for _ in range(count):
            (folder / "cut" / "jobs.jsonl").write_bytes(mutated(text, chance))
            began = time.monotonic()
            try:
                rq.run(program, shots=20, seed=3, emulator=backend(cloud.url, folder / "cut"))
                found["ran"] += 1
            except rq.QmemError:
                found["refused"] += 1
            assert time.monotonic() - began < 10
    return found


def test_a_mutated_journal_gives_a_result_or_our_own_error(tmp_path: Path) -> None:
    assert ends(12, 1, tmp_path)["refused"] > 3


@pytest.mark.slow
def test_many_mutated_journals_give_results_or_our_own_errors(tmp_path: Path) -> None:
    found = ends(300, 2, tmp_path)

    assert min(found.values()) > 30
