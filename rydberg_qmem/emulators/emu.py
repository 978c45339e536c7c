"""What emu-sv and emu-mps share: drives as their sequence data, no logging, no threads, no files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.played import Played
from rydberg_qmem.language.noise import Noise

QUIET = logging.CRITICAL + 1


def sequence_data(
    steps: Played, interactions: NDArray[np.float64], levels: tuple[str, ...], noise: Noise | None = None
) -> Any:
    """Return drives, interactions (kinds, atoms, atoms) and decoherence as emu-base's `SequenceData`.

    emu-base itself interpolates between Pulser's samples, which moves the edges of pulses by half a nanosecond and
    drops their last half at the end of a segment; here each step has the drives that Pulser samples in it.
    """
    import torch
    from emu_base import HamiltonianType, SequenceData

    matrix = torch.as_tensor(interactions)
    return SequenceData(
        omega=torch.as_tensor(steps.amplitude, dtype=torch.complex128),
        delta=torch.as_tensor(steps.detuning, dtype=torch.complex128),
        phi=torch.as_tensor(steps.phase, dtype=torch.complex128),
        interaction_matrix=lambda _: matrix,
        qubit_ids=tuple(str(k) for k in range(matrix.shape[1])),
        bad_atoms=(False,) * matrix.shape[1],
        lindblad_ops=[] if noise is None else lindblad_operators(noise),
        state_prep_error=0.0,
        target_times=[float(t) for t in steps.cuts],
        eigenstates=list(levels),
        hamiltonian_type=HamiltonianType.Rydberg if "r" in levels else HamiltonianType.XY,
        has_stochastic_noise=False,
    )


def lindblad_operators(noise: Noise) -> list[Any]:
    """Return emu-base's own collapse operators of one atom of two levels, the ground level first."""
    from emu_base.jump_lindblad_operators import get_lindblad_operators

    theirs = noise.lindblad.to_pulser()
    return [op for kind in theirs.noise_types for op in get_lindblad_operators(noise_type=kind, noise_model=theirs)]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: its tensors here are small, and threads wait longer than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
