"""Round by round on any Pulser backend: one job prepares all atoms, plays one sequence and reads them at its end.

What an experiment with ensemble feedback needs, and what today's machines have: no measurement in the middle of a
sequence. A job is one round of one cohort of 1000 shots, because ensemble means are over a cohort, as everywhere;
without ensemble means up to 20 cohorts share a job. Where the device allows fewer runs, a job's batch holds several.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import map_expressions
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.devices import ONE, Target
from rydberg_qmem.emulators.job_outcomes import Bits, finished, rows_of, seeded
from rydberg_qmem.emulators.journal import Journal, JournalEntry, Ticket
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.protocol import CROSSED, Capabilities
from rydberg_qmem.emulators.provider_calls import calling, job_ids, unsure
from rydberg_qmem.emulators.qutip import pin_levels
from rydberg_qmem.errors import CapabilityError, InputError, RunError, did_you_mean
from rydberg_qmem.language.blocks import Align, Delay
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.pulses import Scope, build_sequence


class PulserBackend:
    """Programs whose rounds are whole jobs, on any Pulser `Backend`; everything else is refused before it runs.

    With a journal a run that was stopped goes on where it was: jobs whose results are there are not asked for again,
    jobs under way are waited for, none is submitted twice. If the run was killed while a submission was under way,
    nobody here knows whether it arrived: the next run asks `lookup` which batches the provider has, takes up the one
    that was not there before, and submits the job if there is none; without `lookup` it stops and says so.

    Args:
        backend: A class of Pulser's: `QPUBackend`, `RemoteSVBackend`, …; `QutipBackendV2` if not given.
        journal: Folder in which jobs are noted; none by default.
        resubmit: Whether a job is submitted again of which nobody knows whether it arrived (default False).
        poll_s: Time between two looks at a job under way (s).
        lookup: Called with a job's sequence (Pulser's abstract JSON) and its number of shots; returns the names of all
            the provider's batches of that sequence. None by default. Nobody else may submit that sequence meanwhile.
        options: Of the backend: a remote one needs `connection=…`, an emulator takes `config=…`, all but QPUs
            `mimic_qpu=…`, which is True unless said otherwise.

    Raises InputError for a run in several processes, and RunError for a batch that failed, or a job that may be lost.

    >>> PulserBackend().name
    'pulser_backend'
    """

    name = "pulser_backend"
    capabilities = Capabilities(states=False, exact=False, mid_sequence=False, sums_fields=False)

    @arguments.taking(
        backend=arguments.optional(arguments.a_class),
        journal=arguments.optional(arguments.path),
        resubmit=arguments.flag,
        poll_s=arguments.real(0),
        lookup=arguments.optional(arguments.function_of(2)),
    )
    def __init__(
        self,
        backend: type[Any] | None = None,
        *,
        journal: str | Path | None = None,
        resubmit: bool = False,
        poll_s: float = 2.0,
        lookup: Callable[[str, int], Iterable[str]] | None = None,
        **options: Any,
    ) -> None:
        self.backend, self.options = backend, options
        self.journal, self.resubmit, self.poll_s = Journal(journal), resubmit, poll_s
        self.lookup = lookup
        self.submitted = 0
        """How many jobs this object has submitted."""
        self._target: Target | None = None
        self._played: list[Placed] = []
        self._renewed: set[int] = set()
        self._bits: Bits | None = None

    def __reduce__(self) -> NoReturn:
        raise InputError("workers: pulser_backend runs its jobs one after the other, in one process")

    @arguments.taking(job=arguments.text)
    def stored(self, job: str) -> JournalEntry:
        """Return what the journal knows of a job: how far it has come, its atoms, and the counts of its bit strings.

        Args:
            job: The provider's name of a job or a batch, or the journal's own (point-cohort-step-visit).

        Raises InputError for a job that the journal does not know.

        >>> emulator = PulserBackend(mimic_qpu=False)
        >>> from rydberg_qmem import load, run
        >>> record = run(load("rabi"), shots=10, seed=1, emulator=emulator)
        >>> emulator.stored(next(iter(emulator.journal.entries))).runs
        10
        """
        found = self.journal.find(job)
        if found is None:
            names = [name for key, e in self.journal.entries.items() for name in (key, e.batch, *e.jobs) if name]
            raise InputError(f"job: the journal has no job {job!r}{did_you_mean(job, names)}")
        return found

    # ------------------------------------------------------------------ what a walk asks for

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment, for its timing."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Leave everything as it is: the states are the machine's."""
        return states

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Leave everything as it is: the states are the machine's."""
        return states

    def begin(self, target: Target) -> None:
        """Prepare all atoms."""
        self._target = target
        self._renew()

    def _renew(self) -> None:
        self._played, self._renewed, self._bits = [], set(), None

    def play(self, segment: Segment, values: Mapping[Expression, float]) -> None:
        """Add a segment to the round, with one number for each of its expressions."""
        if self._played:
            self._played.append(Placed(Align(), segment.place))
        for placed in segment.blocks:
            block = map_expressions(placed.block, lambda e: Expression(values[e]) if e in values else e)
            self._played.append(Placed(block, placed.place))

    def rest(self, duration_ns: int, place: str) -> None:
        """Let the round's atoms wait in the dark."""
        if self._played:
            self._played.append(Placed(Delay(duration_ns=Expression(duration_ns)), place))

    def reset(self, atoms: Sequence[int]) -> None:
        """Take atoms out of the round; when the last is out, the next round begins."""
        self._renewed |= set(atoms)
        if self._target is not None and len(self._renewed) == len(self._target.atoms):
            self._renew()

    def read(self, atoms: Sequence[int], basis: str, *, ticket: Ticket, shots: int) -> Bits:
        """Return outcomes (shots, atoms) of the round: run its job, if this is its first reading."""
        assert self._target is not None
        if self._bits is None:
            sequence = self._sequence(self._target, basis, ticket)
            entry = self._entry(sequence, self._target, basis, ticket, shots)
            self._bits = rows_of(entry, self._target.atoms, ticket)
        return self._bits[:, list(atoms)]

    # ------------------------------------------------------------------ jobs

    def _sequence(self, target: Target, basis: str, ticket: Ticket) -> Any:
        operations = plan_segment(Segment(0, tuple(self._played)), target).operations
        builder, schedule = build_sequence(operations, target, {}, real=True)
        if schedule.crossed:
            raise RunError(f"{schedule.crossed}: {CROSSED}")
        made = builder.sequence
        if self._is_local and len(target.levels) > 2:
            pin_levels(made, target)  # else Pulser's emulators forget levels that this round does not address
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made.measure(basis)
            except (ValueError, RuntimeError) as error:
                raise CapabilityError(f"{ticket}: {error}") from None
        return made

    @property
    def _class(self) -> type[Any]:
        if self.backend is not None:
            return self.backend
        from pulser_simulation import QutipBackendV2

        return QutipBackendV2

    @property
    def _is_local(self) -> bool:
        from pulser.backend.remote import RemoteBackend

        return not issubclass(self._class, RemoteBackend)

    @property
    def _counts_by_config(self) -> bool:
        """Whether one job makes all shots: an emulator's observables say how many, whatever its job says."""
        from pulser.backend.abc import EmulatorBackend

        return issubclass(self._class, EmulatorBackend)

    def _entry(self, sequence: Any, target: Target, basis: str, ticket: Ticket, shots: int) -> JournalEntry:
        """Return the finished job: from the journal, from the machine where it is under way, or by submitting it."""
        mark = hashlib.sha256(sequence.to_abstract_repr(skip_validation=True).encode()).hexdigest()
        known = self.journal.of(ticket, sequence=mark, runs=shots)
        if known is not None and known.state == "done":
            return known
        if known is not None and known.state == "submitting" and not self.resubmit:
            known = self._taken_up(known, sequence, ticket)
        if known is None or known.state == "submitting":
            known = self._submit(sequence, target, basis, ticket, JournalEntry(mark, shots, "submitting"))
        if known.state == "submitted":
            known = self._fetch(known, ticket)
        return known

    def _taken_up(self, entry: JournalEntry, sequence: Any, ticket: Ticket) -> JournalEntry | None:
        """Return a job whose submission was cut short as under way, None where the provider has not got it."""
        if self.lookup is None:
            raise unsure(self.journal, ticket)
        time.sleep(self.poll_s)  # what was on the wire when the run was stopped has time to arrive
        new = self.journal.unknown(self._batches(sequence, entry.runs, ticket), entry)
        if len(new) > 1:
            raise unsure(self.journal, ticket, new)
        if not new:
            return None
        under_way = replace(entry, state="submitted", batch=new[0])
        self.journal.write(ticket, under_way)
        return under_way

    def _batches(self, sequence: Any, runs: int, ticket: Ticket) -> tuple[str, ...]:
        """Return the names of the provider's batches with a sequence and a number of shots, as `lookup` knows them."""
        if self.lookup is None:
            return ()
        found = calling(str(ticket), self.lookup, sequence.to_abstract_repr(skip_validation=True), runs)
        return tuple(map(str, found))

    def _submit(self, sequence: Any, target: Target, basis: str, ticket: Ticket, entry: JournalEntry) -> JournalEntry:
        """Submit a job; return what is known of it then: that it is under way, or its outcome."""
        if self._is_local:
            with seeded(ticket):
                results = calling(str(ticket), self._made(sequence, target, basis, entry.runs).run)
            self.submitted += 1
            done = finished(entry, [results], ticket)
            self.journal.write(ticket, done)
            return done
        backend = self._made(sequence, target, basis, entry.runs)
        entry = replace(entry, before=self._batches(sequence, entry.runs, ticket))
        self.journal.write(ticket, entry)
        maximum = target.device.max_runs or entry.runs
        parts = [min(maximum, entry.runs - first) for first in range(0, entry.runs, maximum)]
        if self._counts_by_config:
            parts = parts[:1]
        remote = calling(str(ticket), backend.run, job_params=[{"runs": runs} for runs in parts], wait=False)
        self.submitted += 1
        jobs = tuple(job_ids(remote))
        under_way = replace(entry, state="submitted", batch=str(remote.batch_id), jobs=jobs)
        self.journal.write(ticket, under_way)
        return under_way

    def _made(self, sequence: Any, target: Target, basis: str, runs: int) -> Any:
        """Return the backend object of one job; Pulser's own validation speaks first."""
        from pulser.backend import BitStrings, EmulationConfig, QPUBackend
        from pulser.backend.abc import EmulatorBackend

        options = dict(self.options)
        if not issubclass(self._class, QPUBackend):
            options.setdefault("mimic_qpu", True)
        if issubclass(self._class, EmulatorBackend):
            one_state: Any = ONE[basis] if len(target.levels) > 2 else None
            wanted = [BitStrings(num_shots=runs, one_state=one_state)]
            given = options.get("config") or EmulationConfig(observables=wanted)
            options["config"] = given.with_changes(observables=wanted, with_modulation=target.with_modulation)
        return calling(self.name, self._class, sequence, **options)

    def _fetch(self, entry: JournalEntry, ticket: Ticket) -> JournalEntry:
        """Wait for a job that is under way, and keep its outcome."""
        from pulser.backend.remote import BatchStatus, RemoteResults

        remote = calling(str(ticket), RemoteResults, entry.batch, self.options["connection"], list(entry.jobs) or None)
        while (status := calling(str(ticket), remote.get_batch_status)) != BatchStatus.DONE:
            if status not in (BatchStatus.PENDING, BatchStatus.RUNNING, BatchStatus.PAUSED):
                raise RunError(f"{ticket}: batch {entry.batch} ended as {status.name}")
            time.sleep(self.poll_s)
        done = finished(entry, calling(str(ticket), lambda: remote.results), ticket)
        self.journal.write(ticket, done)
        return done
