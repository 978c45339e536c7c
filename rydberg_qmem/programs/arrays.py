"""Programs of analog arrays for learning: how a sample's columns become detunings or places, and when atoms are read.

Encodings of M. Kornjača et al., arXiv:2407.02553: a detuning on each atom, a global detuning that follows the columns
in time, distances between the atoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.checked import real_number, whole_number
from rydberg_qmem.errors import InputError, short
from rydberg_qmem.language.further_devices import addressed_array
from rydberg_qmem.language.program import Program

Encoding = Literal["local_detuning", "global_time", "position"]
ENCODINGS = ("local_detuning", "global_time", "position")
_SAMPLE = arguments.values(arguments.real(), "numbers", 1)
MOST_ATOMS = 14
"""A state of so many atoms takes 256 kB; each sample has one."""


@dataclass(frozen=True)
class AnalogArray:
    """A chain of atoms under a steady global drive, into which samples of some numbers are encoded.

    Numbers x lie between -1 and 1, or a little beyond.

    Attributes:
        columns: How many numbers a sample has.
        encoding: "local_detuning" (default): atom i is detuned by `detuning` x_i all the time; "global_time": all atoms
            are detuned by `detuning` x_j in the j-th part of the time; "position": gap i is `spacing_um` (1 + `stretch`
            x_i).
        atoms: Number of atoms, at most 14, which only "global_time" leaves open; if not given one per column, and one
            more for "position".
        spacing_um: Gaps of the chain (µm), one number or one for each gap.
        stretch: The part of a gap that x = 1 adds to it.
        rabi: Rabi frequency of the drive (rad/µs).
        detuning: Detuning of x = 1 (rad/µs).
        duration_ns: Time of the drive (ns).
        readouts: How many times atoms are read, evenly, last at the end.

    Raises InputError for numbers out of range, more than 14 atoms, or a time too short for its readouts.

    >>> AnalogArray(columns=3).program().register.names
    ('q0', 'q1', 'q2')
    """

    columns: int
    encoding: Encoding = "local_detuning"
    atoms: int | None = None
    spacing_um: float | Sequence[float] = 10.0
    stretch: float = 0.1
    rabi: float = 2 * np.pi
    detuning: float = 6.0
    duration_ns: int = 4000
    readouts: int = 8

    def __post_init__(self) -> None:
        arguments.one_of(*ENCODINGS)("encoding", self.encoding)
        whole_number("columns", self.columns)
        if whole_number("duration_ns", self.duration_ns) < whole_number("readouts", self.readouts) * max(
            1, self._slots
        ):
            raise InputError(f"duration_ns must leave time for readouts and columns, but is {self.duration_ns}")
        if self.atoms is not None:
            whole_number("atoms", self.atoms)
        if self.atoms is not None and self.encoding != "global_time" and self.atoms != self._fixed_size:
            raise InputError(f"atoms must be {self._fixed_size} for {self.columns} columns, but is {self.atoms}")
        self._check_drive()
        if not 1 <= self.size <= MOST_ATOMS:
            raise InputError(
                f"an array must have 1 to {MOST_ATOMS} atoms, but has {self.size}: reduce the columns first"
            )
        self._check_gaps(self.spacing_um)

    def _check_gaps(self, given: object) -> None:
        several = isinstance(given, list | tuple | np.ndarray)
        if not several:
            real_number("spacing_um", given, above=0)
        if several and np.array(given, dtype=object).shape != (self.size - 1,):
            raise InputError(f"spacing_um must be one number or {self.size - 1} gaps, but is {short(given)}")
        for gap in np.ravel(np.array(given, dtype=object)).tolist():
            real_number("spacing_um", gap, above=0)

    def _check_drive(self) -> None:
        for name in ("stretch", "detuning"):
            real_number(name, getattr(self, name))
        real_number("rabi", self.rabi, minimum=0)

    @property
    def _fixed_size(self) -> int:
        return self.columns + (self.encoding == "position")

    @property
    def _slots(self) -> int:
        return self.columns if self.encoding == "global_time" else 1

    @property
    def size(self) -> int:
        """Number of atoms."""
        return self.atoms if self.atoms is not None else self._fixed_size

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the atoms, along the chain."""
        return tuple(f"q{i}" for i in range(self.size))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the program's inputs: one per column, or a placeholder where columns are places."""
        return ("x0",) if self.encoding == "position" else tuple(f"x{i}" for i in range(self.columns))

    def times_ns(self) -> list[int]:
        """Return the times of the readouts."""
        return [round(self.duration_ns * (k + 1) / self.readouts) for k in range(self.readouts)]

    @arguments.taking(until=arguments.whole(0))
    def cuts_ns(self, until: int) -> list[int]:
        """Return all times up to `until` at which a readout or a new column comes, 0 first."""
        slots = [round(self.duration_ns * j / self._slots) for j in range(self._slots)]
        return sorted({0, until, *(t for t in (*slots, *self.times_ns()) if t < until)})

    @arguments.taking(time_ns=arguments.whole(0))
    def column_at(self, time_ns: int) -> int:
        """Return the column whose part of the time begins at or before `time_ns`."""
        starts = [round(self.duration_ns * j / self._slots) for j in range(self._slots)]
        return int(np.searchsorted(starts, time_ns, side="right")) - 1

    @arguments.taking(sample=arguments.optional(_SAMPLE))
    def places_um(self, sample: Sequence[float] | None = None) -> list[tuple[float, float]]:
        """Return the places of the atoms; those of a sample where columns are places."""
        gaps = np.broadcast_to(np.asarray(self.spacing_um, dtype=float), (self.size - 1,)).copy()
        if self.encoding == "position" and sample is not None:
            if len(sample) != len(gaps):
                raise InputError(f"sample must have {len(gaps)} numbers, one for each gap, but has {len(sample)}")
            gaps *= 1 + self.stretch * np.asarray(sample, dtype=float)
        if (gaps <= 0).any():
            raise InputError(f"gaps must be above 0 µm, but are {short(gaps.tolist())}")
        return [(float(x), 0.0) for x in np.concatenate([[0.0], np.cumsum(gaps)])]

    @arguments.taking(sample=arguments.optional(_SAMPLE), measured_at=arguments.optional(arguments.whole(0)))
    def program(self, *, sample: Sequence[float] | None = None, measured_at: int | None = None) -> Program:
        """Return the program: probes at all readouts, or one measurement (key `m`) at the readout `measured_at`."""
        times = self.times_ns()
        if measured_at is not None and measured_at >= len(times):
            raise InputError(f"measured_at must be a readout from 0 to {len(times) - 1}, but is {measured_at}")
        end = times[-1] if measured_at is None else times[measured_at]
        cuts, body = self.cuts_ns(end), []
        for start, stop in pairwise(cuts):
            body += self._driven(start, stop - start)
            if measured_at is None and stop in times:
                seen = {"occupation": True, "correlations": self.size > 1}
                body.append({"probe": {"atoms": list(self.names), "key": f"t{times.index(stop)}", **seen}})
        if measured_at is not None:
            body.append({"measure": {"atoms": list(self.names), "key": "m"}})
        return Program.model_validate(
            {
                "name": "analog_array",
                "device": addressed_array(self.names),
                "register": {"atoms": dict(zip(self.names, self.places_um(sample), strict=True))},
                "inputs": {name: {"default": "0", "rounds": 1} for name in self.inputs},
                "body": [{"repeat": {"over": list(self.inputs), "body": body}}],
            }
        )

    def _driven(self, start: int, duration: int) -> list[dict[str, Any]]:
        pulse = {"channel": "rydberg_global", "amplitude": self.rabi, "duration_ns": duration}
        if self.encoding == "global_time":
            pulse["detuning"] = f"{float(self.detuning)!r} * x{self.column_at(start)}"
        shifts = [
            {"pulse": {"channel": f"shift_{name}", "atoms": name, "amplitude": 0, "duration_ns": duration,
                       "detuning": f"{float(self.detuning)!r} * x{i}", "with": "previous"}}
            for i, name in enumerate(self.names)
        ]  # fmt: skip
        return [{"pulse": pulse}, *(shifts if self.encoding == "local_detuning" else [])]
