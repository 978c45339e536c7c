"""What a machine without mid-sequence measurement can run of a program, and why it cannot run the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.devices import device_of
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language import library
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import QuantumStep, check, jobs_of, parts_of


@dataclass(frozen=True)
class QpuReport:
    """Each quantum step of a program with what stands in its way on a device, and what concerns all of it.

    Attributes:
        program: Name of the program.
        device: Name of the device.
        parts: Each quantum step in order, with the reason why a machine that reads only at the end of a job cannot do
            it, if there is one: judged by the order of things alone, whatever the device.
        against: What the device itself has against the program, a sentence each.
        jobs: How many jobs one cohort of shots takes, at most.
    """

    program: str
    device: str
    parts: tuple[QuantumStep, ...]
    against: tuple[str, ...]
    jobs: int

    @property
    def runnable(self) -> bool:
        """Whether the whole program can run there, one job per round."""
        return not self.against and not any(part.reason for part in self.parts)

    @property
    def emulator_only(self) -> bool:
        """Whether the order of its steps asks for what no machine that reads at the end of its jobs has."""
        return any(part.reason for part in self.parts)

    def __str__(self) -> str:
        lines = [f"{self.program} on {self.device}: {self.verdict}"]
        lines += [f"  device: {reason}" for reason in self.against]
        lines += [f"  {'no ' if part.reason else 'yes'}  {part.what:7} {part}" for part in self.parts]
        return "\n".join(lines)

    @property
    def verdict(self) -> str:
        """The report in a few words."""
        if self.runnable:
            return f"runs as {self.jobs} job{'s' * (self.jobs != 1)} per cohort of shots"
        if not self.emulator_only:
            return "would run as jobs, but not on this device"
        able = sum(not part.reason for part in self.parts)
        return f"for emulators only: {able} of {len(self.parts)} steps can run"


@arguments.taking(program=library.program, parameters=SETTINGS["parameters"])
def qpu_report(program: Program, device: Any = None, *, parameters: Mapping[str, float] | None = None) -> QpuReport:
    """Return what of a program a device can run that prepares all atoms, plays one sequence and reads at the end.

    Args:
        program: The program.
        device: A name, a Pulser device or its abstract JSON; the program's own if not given. One that does not exist is
            among what stands against it.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.

    Raises ProgramError for a program that does not pass `check`, whatever the device.

    >>> from rydberg_qmem.language.library import load
    >>> print(qpu_report(load("rabi"), "AnalogDevice", parameters={"duration_ns": 400}).verdict)
    runs as 1 job per cohort of shots
    """
    problems = check(program, parameters=parameters)
    if problems:
        raise ProgramError(problems)
    parts = parts_of(compile_program(program, parameters=parameters))
    jobs = jobs_of(compile_program(program, parameters=parameters))
    there = program
    if device is not None:
        there = Program.from_dict({**program.to_dict(), "device": device})
    against = [str(problem) for problem in check(there, parameters=parameters)]
    if not against:
        against = list(_against(there, parameters))
    return QpuReport(program.name, there.device_name, parts, tuple(against), jobs)


def _against(program: Program, parameters: Mapping[str, float] | None) -> list[str]:
    """Return what a machine has against a program that its limits allow."""
    import pulser

    device = device_of(program)
    if not isinstance(device, pulser.devices.Device):
        return [f"{device.name} is a virtual device: there is no machine like it"]
    target = compile_program(program, parameters=parameters).target
    if device.requires_layout and target.register.layout is None:
        return [f"{device.name} needs its register on a layout of traps, and none was found for these coordinates"]
    if not device.accepts_new_layouts and target.register.layout not in device.pre_calibrated_layouts:
        return [f"{device.name} takes only registers on its calibrated layouts"]
    return []
