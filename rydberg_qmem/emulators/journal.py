"""The journal of jobs: what was submitted and what came back, one JSON line each, so that a run can be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rydberg_qmem.errors import StoreError

FILE = "jobs.jsonl"


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
    """What is known of one job: its sequence, how far it has come, and its outcome."""

    sequence: str
    runs: int
    state: str
    batch: str = ""
    jobs: tuple[str, ...] = ()
    atoms: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


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
                data = json.loads(line)
                key = str(data.pop("job"))
                known: dict[str, Any] = {
                    name: tuple(v) if isinstance(v, list) else v for name, v in data.items() if name != "place"
                }
                self.entries[key] = JournalEntry(**known)
            except (ValueError, KeyError, TypeError):
                raise StoreError(f"{path}:{number}: is not a line of a journal of jobs") from None

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
        line = json.dumps({"job": ticket.key, "place": str(ticket), **fields, "counts": dict(entry.counts)})
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written ({error})") from None
