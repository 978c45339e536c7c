"""The journal of jobs: what was submitted and what came back, one JSON line each, so that a run can be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rydberg_qmem.errors import StoreError

FILE = "jobs.jsonl"
STATES = ("submitting", "submitted", "done")
FIELDS = ("sequence", "runs", "state", "batch", "jobs", "atoms", "counts", "before")


@dataclass(frozen=True)
class Ticket:
    """Which job of a run: point, first cohort, step and visit of the reading, and the loops' rounds for people."""

    point: int
    cohort: int
    step: int
    visit: int
    place: str = ""
    rounds: tuple[tuple[str, int], ...] = ()
    seed: int = 0

    @property
    def key(self) -> str:
        """Return the name of the job in the journal."""
        return f"{self.point}-{self.cohort}-{self.step}-{self.visit}"

    def __str__(self) -> str:
        where = "".join(f"{name} {k}, " for name, k in self.rounds)
        return f"{where}cohort {self.cohort}: {self.place}"


@dataclass(frozen=True)
class JournalEntry:
    """What is known of one job: its sequence, how far it has come, and its outcome.

    Attributes:
        sequence: SHA-256 of the sequence, as Pulser's abstract JSON.
        runs: How many shots were asked for.
        state: "submitting", "submitted" or "done".
        batch: The provider's name of the batch, "" where there is none.
        jobs: The provider's names of the batch's jobs.
        atoms: Names of the atoms, in the order of the bits.
        counts: How often each bit string came back.
        before: Batches of the same sequence and shots that the provider knew before the job was submitted.
    """

    sequence: str
    runs: int
    state: str
    batch: str = ""
    jobs: tuple[str, ...] = ()
    atoms: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    before: tuple[str, ...] = ()


class Journal:
    """Jobs by ticket, kept in a folder; without one, only as long as the run lasts."""

    def __init__(self, folder: str | Path | None) -> None:
        self.path = Path(folder) / FILE if folder is not None else None
        self.entries: dict[str, JournalEntry] = {}
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self._read(self.path)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be used as a journal ({error})") from None

    def _read(self, path: Path) -> None:
        whole, end, torn = path.read_bytes().rpartition(b"\n")
        if torn:  # the run was killed in the middle of a line, which therefore never counted
            with path.open("r+b") as file:
                file.truncate(len(whole) + len(end))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                key, entry = _entry_of(json.loads(line))
            except (ValueError, RecursionError):
                raise StoreError(f"{path}:{number}: is not a line of a journal of jobs") from None
            self.entries[key] = entry

    def find(self, name: str) -> JournalEntry | None:
        """Return what is known of a job by its key, its batch's name, or one of the provider's names of its jobs."""
        if name in self.entries:
            return self.entries[name]
        return next((e for e in self.entries.values() if name and name in (e.batch, *e.jobs)), None)

    def unknown(self, batches: Iterable[str], entry: JournalEntry) -> list[str]:
        """Return those batches that were not there before a job was submitted and that are no other job's."""
        taken = {*entry.before, *(known.batch for known in self.entries.values())}
        return [name for name in batches if name not in taken]

    def of(self, ticket: Ticket, *, sequence: str, runs: int) -> JournalEntry | None:
        """Return what is known of a job; refuse one that was submitted with another sequence."""
        entry = self.entries.get(ticket.key)
        if entry is not None and (entry.sequence, entry.runs) != (sequence, runs):
            raise StoreError(
                f"{self.path}: {ticket}: this job was submitted with another sequence or number of shots, so the "
                "journal belongs to another program, parameters or seed: use another folder"
            )
        return entry

    def write(self, ticket: Ticket, entry: JournalEntry) -> None:
        """Keep what is known of a job: on disk before this returns."""
        self.entries[ticket.key] = entry
        if self.path is None:
            return
        fields: dict[str, Any] = {"sequence": entry.sequence, "runs": entry.runs, "state": entry.state}
        fields |= {"batch": entry.batch, "jobs": list(entry.jobs), "atoms": list(entry.atoms)}
        fields |= {"before": list(entry.before)}
        line = json.dumps({"job": ticket.key, "place": str(ticket), **fields, "counts": dict(entry.counts)})
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written ({error})") from None


def _entry_of(data: Any) -> tuple[str, JournalEntry]:
    """Return key and entry of a line; raise ValueError where any field is not what `write` leaves."""
    if not isinstance(data, dict) or not {"job", "sequence", "runs", "state"} <= set(data) <= {*FIELDS, "job", "place"}:
        raise ValueError
    lists = {name: data.get(name, []) for name in ("jobs", "atoms", "before")}
    counts, texts = data.get("counts", {}), [data["job"], data["sequence"], data["state"], data.get("batch", "")]
    if not isinstance(counts, dict) or not all(isinstance(names, list) for names in lists.values()):
        raise ValueError
    texts += [name for names in lists.values() for name in names]
    numbers = [data["runs"], *counts.values()]
    if not all(isinstance(t, str) for t in texts) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError
    if data["state"] not in STATES or len(set(lists["atoms"])) != len(lists["atoms"]):
        raise ValueError
    if data["state"] == "done" and sum(counts.values()) != data["runs"]:
        raise ValueError
    known: dict[str, Any] = {name: data[name] for name in FIELDS if name in data}
    return data["job"], JournalEntry(**known | {name: tuple(names) for name, names in lists.items()})
