"""A job: what all points of a run share, and how one of them is prepared."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.record_variables import with_reports
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.protocol import Emulator, Holding
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.emulators.requirements import check_capabilities
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.context import MOST_GB, NEGLIGIBLE, RunContext
from rydberg_qmem.engine.noise_settings import NOTHING, NoiseSettings, check_noise, kind_of_state
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.representation import REPRESENTATIONS
from rydberg_qmem.engine.rng import Draws
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language.hardware import profile_of
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import check_and_compile, check_values


@dataclass(frozen=True)
class Job:
    """What all points of a run share."""

    program: Program
    inputs: dict[str, ArrayLike | str]
    rounds: int | None
    shots: int | None
    seed: int | None
    emulator: str | Emulator
    state: str
    noise_settings: NoiseSettings = NOTHING
    neglect: float = NEGLIGIBLE
    memory_gb: float = MOST_GB
    """What its states may take while it runs."""
    accuracy: float | None = None
    """The infidelity that all that is left out may make; None: as `neglect` says."""


def noise_settings_of(program: Program, noise: Any, hardware: Any) -> NoiseSettings:
    """Return noise and hardware as given, else as the program has them."""
    profile = profile_of(hardware if hardware is not None else program.hardware)
    made = Noise.of(noise if noise is not None else program.noise)
    return NoiseSettings(made, profile if profile is not None else NOTHING.hardware)


def seed_of(seed: int | None, shots: int | None) -> int | None:
    """Return the seed of a run, a fresh one where none is given; an exact run has none."""
    if shots is None:
        return None
    if seed is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]  # fresh entropy is one integer
    return seed


def prepare(job: Job, point: Mapping[str, float], *, checked: bool = False) -> Compiled:
    """Check and compile one point; every problem is raised before anything runs, once for all workers.

    A point that is `checked` already is not checked again.
    """
    settings: dict[str, Any] = {"parameters": point, "inputs": job.inputs, "rounds": job.rounds}
    compiled = None
    if not checked:
        problems, compiled = check_and_compile(job.program, hardware=job.noise_settings.hardware, **settings)
        if problems:
            raise ProgramError(problems)
    noise = job.noise_settings.noise
    leakage = noise is not None and noise.with_leakage
    if compiled is None or leakage:
        compiled = compile_program(job.program, leakage=leakage, **settings)
    return _fit(job, compiled)


def prepare_alike(job: Job, compiled: Compiled) -> Compiled:
    """Check the values of one more point of a program that was checked; ProgramError if they are wrong."""
    problems = check_values(compiled, hardware=job.noise_settings.hardware)
    if problems:
        raise ProgramError(problems)
    return _fit(job, compiled)


def _fit(job: Job, compiled: Compiled) -> Compiled:
    """Hold a compiled point against what its emulator can do."""
    emulator, exact = emulator_of(job.emulator), job.shots is None
    check_noise(job.noise_settings, emulator, compiled, exact=exact)
    state = kind_of_state(job.state, job.noise_settings, compiled, job.shots, emulator=emulator)
    check_capabilities(emulator, compiled, exact=exact, state=state)
    return with_reports(compiled, emulator.reports) if isinstance(emulator, Holding) else compiled


def context_of(
    job: Job, compiled: Compiled, recorder: Recorder, draws: Draws | None, *, shots: int | None, **options: Any
) -> RunContext:
    """Return what the run of a compiled point stands on, its states kept as asked or as is cheaper."""
    emulator = emulator_of(job.emulator)
    kept = REPRESENTATIONS[kind_of_state(job.state, job.noise_settings, compiled, job.shots, emulator=emulator)]
    options = {"neglect": job.neglect, "max_bytes": job.memory_gb * 1e9, **options}
    return interpreter.prepare(compiled, emulator, recorder, draws, kept, job.noise_settings, shots=shots, **options)


def one_thread() -> Any:
    """Return a context in which the linear algebra of loaded libraries runs in one thread."""
    return _threads(len(sys.modules)).limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _threads(modules: int) -> Any:
    """Return who knows the threads of the libraries that are loaded: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
