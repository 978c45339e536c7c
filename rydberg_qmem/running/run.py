"""Run a program: points of a sweep, cohorts of shots, one record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from rydberg_qmem.arguments import SEED, flag, optional, path, real, taking, whole
from rydberg_qmem.emulators.protocol import (
    Emulator,
    RoundByRound,
)
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.context import MOST_GB, NEGLIGIBLE
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.library import load
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program
from rydberg_qmem.running.guards import RunLimits, check_limits
from rydberg_qmem.running.in_memory import run_in_memory
from rydberg_qmem.running.job import Job, noise_settings_of, prepare, prepare_alike, seed_of
from rydberg_qmem.running.parallel import Scale, cluster
from rydberg_qmem.running.parallel import shard as shard_
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.progress import Progress, listener
from rydberg_qmem.running.provenance import provenance_of
from rydberg_qmem.running.run_arguments import CONDITIONS
from rydberg_qmem.running.stored import run_into
from rydberg_qmem.running.sweep import Sweep, points_of, sweep_of, swept_names
from rydberg_qmem.store import store as _store

if TYPE_CHECKING:
    import xarray as xr


MAX_WORKERS = 10_000


@taking(
    **CONDITIONS,
    seed=optional(SEED),
    sweep=optional(sweep_of),
    store=optional(path),
    overwrite=flag,
    workers=whole(1, MAX_WORKERS),
    client=optional(cluster),
    shard=optional(shard_),
    max_memory_gb=real(above=0, finite=False),
    max_seconds=optional(real(above=0, finite=False)),
)
def run(
    program: Program | str | Path | Mapping[str, Any],
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    shots: int | None = COHORT,
    seed: int | None = None,
    emulator: str | Emulator = "exact",
    state: str = "auto",
    noise: Noise | Mapping[str, Any] | Any | None = None,
    hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None,
    sweep: Sweep | None = None,
    store: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 1,
    client: Any = None,
    shard: tuple[int, int] | str | None = None,
    max_memory_gb: float = MOST_GB,
    max_seconds: float | None = None,
    neglect: float = NEGLIGIBLE,
    accuracy: float | None = None,
    progress: Progress | bool | None = None,
) -> xr.Dataset:
    """Run a program and return its record: its outcomes by shot and round, an `xarray.Dataset`.

    The same program, seed and versions give the same record, whatever `workers`, `client` or `shard`. Atoms that are
    not entangled are evolved apart, as `neglect` says; the record's attribute `neglected` bounds the error that this
    makes in any probability.

    Args:
        program: A `Program`, the name of a bundled one (`rqm list`), the path of a YAML or JSON file, or what
            `Program.to_dict` gives.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k and the parameters, or one number for each round
            (shape (rounds,)); the others keep their defaults.
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        shots: How many times the program runs; None for exact expectation values, with no dimension `shot`.
        seed: Starts the random numbers, a whole number of at least 0; if not given, one is drawn and written into the
            record, or taken from the record in `store`.
        emulator: "exact" (pulses, the default), "ideal" (gates), "stabilizer" (Clifford gates), "qutip", "emu_sv",
            "emu_mps", "pulser_backend", or an object of `rydberg_qmem.emulators` with its options, among them `Replay`.
        state: "vector"; "density_matrix", which averages over unread outcomes, so that resets create no branches; or
            "auto", the cheaper one. With noise, vectors are quantum-jump trajectories, one for each shot.
        noise: A `Noise`, a mapping of its fields, or a `pulser.NoiseModel`; overrides the program's own. The default is
            the program's, and no noise if it has none.
        hardware: A `HardwareProfile`, a mapping of its fields, a profile's name, or the path of a YAML or JSON file;
            overrides the program's own. The default is the program's, and an ideal machine if it has none.
        sweep: Values for each swept parameter, by name; all combinations are run, along `point`. Names joined by
            commas, or a tuple of names, have tuples of values and vary together. None runs one point.
        store: Folder to which the record is written as it comes (zarr); the same run goes on with what is there. None
            keeps the record in memory.
        overwrite: Whether a record in `store` is replaced, in place of being continued (default False).
        workers: Number of processes on this computer.
        client: A connected `dask.distributed.Client` whose workers do the work; needs `store`, excludes `workers`.
        shard: (i, N) or "i/N": this call runs the i-th of N parts, i from 1, of a run that N calls share; needs `store`
            and a seed.
        max_memory_gb: Memory (GB, default 8) that record and states may take; a run that needs more does not begin.
        max_seconds: Time (s) on one processor that `estimate` may foretell before the run is refused; None for any.
        neglect: An interaction that turns no amplitude by more than this angle (rad) in a segment is left out between
            atoms that are not entangled; 0 keeps all.
        accuracy: The infidelity, up to 1, that all that a run leaves out may make together: interactions between groups
            of atoms, errors of steps in time, dropped branches. It takes the place of `neglect`; no probability is
            wrong by more than its square root. The record's `neglected` and `steps_error` (distances of states) and
            `pruned_probability` say what was spent on each, and `infidelity` on all. None (default) leaves out as
            `neglect` says.
        progress: True shows one line in the notebook's cell or the terminal; a function is called with the shots done
            and their total (points, in exact runs); None shows nothing.

    Raises ProgramError, with every problem, for a program that does not pass `check`; InputError for arguments that do
    not fit, or a run beyond its limits; CapabilityError, an InputError, for what the emulator cannot do; StoreError for
    a `store` that is damaged, or holds another run; RunError, with point, round and block, where a value goes wrong on
    the way.

    >>> program = Program(
    ...     name="half",
    ...     register={"atoms": {"q": (0, 0)}},
    ...     body=[{"rotate": {"atom": "q", "angle": "pi / 2"}}, {"measure": {"atoms": "q", "key": "m"}}],
    ... )
    >>> round(float(run(program, shots=None).m), 9)
    0.5
    >>> run(program, shots=100, seed=7).m.sizes
    Frozen({'shot': 100})
    """
    began = time.perf_counter()
    program, told = load(program), listener(progress)
    scale = _scale(workers, client, None if shard is None else shard_("shard", shard), store)
    place = None if store is None else _store.check_free(store, overwrite=True)
    seed = _seed(seed, shots, place=None if overwrite else place, several=shard is not None)
    noise_settings = noise_settings_of(program, noise, hardware)
    inputs = dict(inputs or {})
    job = Job(program, inputs, rounds, shots, seed, emulator, state, noise_settings, neglect, max_memory_gb, accuracy)
    _refuse_several(job, scale)
    settings, swept = points_of(program, parameters, sweep), None if sweep is None else swept_names(sweep)
    points = Points(
        program, settings, swept or (), partial(prepare, job), alike=partial(prepare_alike, job), inputs=job.inputs,
        rounds=rounds,
    )  # fmt: skip
    limits = RunLimits(max_memory_gb, max_seconds)
    check_limits(points, job, limits, place=place, workers=scale.workers)
    if place is not None:
        return run_into(
            place, job, settings, points, swept=swept, scale=scale, overwrite=overwrite, progress=told
        )  # fmt: skip
    record, lost, neglected = run_in_memory(job, points, workers, told, swept)
    spent = time.perf_counter() - began
    record.attrs = provenance_of(job, points, pruned=lost, neglected=neglected, wall_s=spent)
    return record


def _seed(seed: int | None, shots: int | None, *, place: Path | None, several: bool) -> int | None:
    """Return the seed of a run: as asked, else that of the record in a place, else a fresh one."""
    if seed is None and place is not None:
        seed = _store.seed_of(place)
    if several and seed is None and shots is not None:
        raise InputError("shards need a seed: each would draw another")
    return seed_of(seed, shots)


def _refuse_several(job: Job, scale: Scale) -> None:
    """Refuse to spread jobs of a machine over processes: they are made one after the other."""
    if (scale.workers > 1 or scale.client is not None) and isinstance(emulator_of(job.emulator), RoundByRound):
        name = emulator_of(job.emulator).name
        raise InputError(f"workers: {name} runs its jobs one after the other, in one process")


def _scale(
    workers: int, client: Any, shard: tuple[int, int] | None, store: str | Path | None
) -> Scale:  # fmt: skip
    if store is None and (client is not None or shard is not None):
        raise InputError("client and shard need a store: workers write there, and hand back only counts")
    return Scale(workers, client, shard)
