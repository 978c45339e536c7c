"""Static data and files: cases with labels, or series that the user supplies."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.errors import InputError, QmemError
from rydberg_qmem.learning.tasks import Series

Floats = NDArray[np.float64]
LASER_VARIABLE = "RYDBERG_QMEM_LASER"


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases of a task with their labels.

    Attributes:
        inputs: (case, column).
        labels: The class of each, (case,).
        name: Name of the task.
        channels: How many columns make a round.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    name: str
    channels: int = 1


def power_four(points: int = 85) -> Series:
    """Return x^4 at points of [0, 1] in ascending order: a static function, memory helps by the order alone.

    Args:
        points: Number of points, one round each.

    >>> power_four(3).targets.tolist()
    [0.0, 0.0625, 1.0]
    """
    x = np.linspace(0, 1, whole_number("points", points, minimum=2))
    return Series(x, x**4, "power_four")


@arguments.taking(seed=arguments.SEED)
def waveforms(length: int, *, seed: int, period: int = 8) -> Series:
    """Return sine (target 0) and square (target 1) periods in random order, between 0 and 1.

    Args:
        length: Number of rounds.
        seed: Draws the order.
        period: Length of a period, in rounds.

    >>> waveforms(16, seed=0).targets.shape
    (16,)
    """
    length, period = whole_number("length", length), whole_number("period", period, minimum=2)
    kinds = np.random.default_rng(seed).integers(0, 2, -(-length // period))
    phase = 2 * np.pi * (np.arange(period) + 0.5) / period
    shapes = np.stack([0.5 + 0.5 * np.sin(phase), 0.5 + 0.5 * np.sign(np.sin(phase))])
    return Series(shapes[kinds].reshape(-1)[:length], np.repeat(kinds, period)[:length], "waveforms")


@arguments.taking(classes=arguments.values(arguments.whole(0, 9), "digits", 1))
def digits(classes: tuple[int, ...] = (0, 3, 8)) -> Cases:
    """Return scikit-learn's 8x8 digits of some classes, columns as rounds of eight pixels in [0, 1].

    Args:
        classes: The digits, each from 0 to 9.

    Raises QmemError without scikit-learn.

    >>> digits().inputs.shape
    (535, 64)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise QmemError("digits come with scikit-learn: pip install rydberg_qmem[learn]") from error
    data = load_digits()
    kept = np.isin(data.target, classes)
    columns = data.images[kept].transpose(0, 2, 1).reshape(-1, 64) / 16
    return Cases(columns, data.target[kept].astype(np.int64), "digits", channels=8)


@arguments.taking(path=arguments.optional(arguments.path))
def laser(path: str | Path | None = None) -> Floats:
    """Return the Santa Fe laser series (set A) from a file of yours, (round,).

    Args:
        path: A text file, one number per line, a header line allowed; if not given, the environment variable
            RYDBERG_QMEM_LASER says where it lies.

    Raises InputError, saying how to give the file, where there is none: it is not part of this package.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "laser.txt"
    ...     _ = file.write_text("intensity 86 141")
    ...     laser(file).tolist()
    [86.0, 141.0]
    """
    where = path or os.environ.get(LASER_VARIABLE)
    if where is None or not Path(where).is_file():
        raise InputError(
            f"the laser series is not part of this package: give laser() the path of a text file with one number per "
            f"line, or name it in {LASER_VARIABLE} (now {where})"
        )
    try:
        lines = Path(where).read_text(encoding="utf-8").split()
        return np.array([float(line) for line in lines[0 if _is_number(lines[0]) else 1 :]])
    except (ValueError, IndexError, OSError) as error:
        raise InputError(f"path: {where} must hold one number per line ({error})") from None


@arguments.taking(path=arguments.path)
def mnist(path: str | Path) -> Cases:
    """Return handwritten digits from a file of yours.

    Args:
        path: An .npz file with `images`, (case, row, column), and `labels`, (case,).

    Raises InputError where there is no such file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/some.npz", images=np.ones((3, 28, 28)), labels=[1, 2, 3])
    ...     mnist(f"{folder}/some.npz").inputs.shape
    (3, 784)
    """
    if not Path(path).is_file():
        raise InputError(
            f"MNIST is not part of this package: save images and labels with numpy.savez, not found: {path}"
        )
    try:
        with np.load(path, allow_pickle=False) as data:
            images, labels = arguments.numbers(dims=3)("images", data["images"]), data["labels"]
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"path: {path} must hold images and labels, as numpy.savez writes them ({error})") from None
    columns = images.transpose(0, 2, 1).reshape(len(images), -1) / max(float(images.max()), 1.0)
    return Cases(columns, labels.astype(np.int64), "mnist", channels=images.shape[1])


@arguments.taking(seed=arguments.SEED)
def werner_states(cases: int, *, seed: int) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """Return two-qubit density matrices p |psi-><psi-| + (1 - p) 1/4, p uniform in [0, 1), and whether p > 1/3.

    Their concurrence is max(0, (3 p - 1) / 2) (R. F. Werner, Phys. Rev. A 40, 4277, 1989).

    Args:
        cases: Number of states: matrices (case, 4, 4) and labels (case,).
        seed: Draws p.

    >>> states, labels = werner_states(5, seed=0)
    >>> states.trace(axis1=1, axis2=2).real.round(9).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    p = np.random.default_rng(seed).uniform(size=whole_number("cases", cases))
    singlet = np.array([0, 1, -1, 0], dtype=complex) / np.sqrt(2)
    states = p[:, None, None] * np.outer(singlet, singlet) + (1 - p)[:, None, None] * np.eye(4) / 4
    return states.astype(np.complex128), (p > 1 / 3).astype(np.int64)


MATCHED_COLUMNS = ("chi", *(f"{part}{atom}" for atom in (0, 1) for part in "wxyz"))
"""What the columns of `matched_states` are: an angle, and a unit quaternion for each of two atoms."""


def matched_states(cases: int, *, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return pure two-qubit states as the columns of a circuit, and which are entangled (1) or products (0).

    A rotation of the first atom by chi about y, a CNOT, and a rotation of each atom by a quaternion (w, x, y, z) make
    the state: cos(chi/2) and sin(chi/2) are its Schmidt coefficients. Entangled ones are Haar-random; each has a
    product state beside it with the same population of every single atom and a random phase, so that neither purity nor
    weight nor any outcome of a single atom tells the two kinds apart. The two of a pair stand side by side, in random
    order: keep pairs together when you split, as populations that come twice tell a trained readout a label.

    Args:
        cases: Number of states: columns (case, 9) and labels (case,).
        seed: Draws them.

    >>> columns, labels = matched_states(4, seed=0)
    >>> columns.shape, sorted(labels.tolist())
    ((4, 9), [0, 0, 1, 1])
    """
    rng = np.random.default_rng(whole_number("seed", seed, minimum=0))
    half = -(-whole_number("cases", cases) // 2)
    amplitudes = rng.normal(size=(half, 2, 2)) + 1j * rng.normal(size=(half, 2, 2))
    left, values, right = np.linalg.svd(amplitudes / np.linalg.norm(amplitudes, axis=(1, 2))[:, None, None])
    turns = [_quaternions(left), _quaternions(right.swapaxes(1, 2))]
    entangled = np.hstack([2 * np.arctan2(values[:, 1:], values[:, :1]), *turns])
    weights = values**2
    populations = (
        np.einsum("nk,nk->n", np.abs(left[:, 1]) ** 2, weights),
        np.einsum("nk,nk->n", np.abs(right[:, :, 1]) ** 2, weights),
    )
    products = np.hstack([np.zeros((half, 1)), *(_product_turns(p, rng) for p in populations)])
    labels = rng.integers(0, 2, half)
    first = np.where(labels[:, None] == 1, entangled, products)
    second = np.where(labels[:, None] == 1, products, entangled)
    columns = np.stack([first, second], axis=1).reshape(2 * half, -1)[:cases]
    return columns, np.stack([labels, 1 - labels], axis=1).reshape(-1)[:cases].astype(np.int64)


def _quaternions(unitaries: NDArray[np.complex128]) -> Floats:
    """Return the rotations (case, 4) that unitaries (case, 2, 2) are, up to a global phase: w - i (x X + y Y + z Z)."""
    special = unitaries / np.sqrt(np.linalg.det(unitaries))[:, None, None]
    first, second = special[:, 0, 0], special[:, 1, 0]
    return np.stack([first.real, -second.imag, second.real, -first.imag], axis=1)


def _product_turns(populations: Floats, rng: np.random.Generator) -> Floats:
    """Return rotations that take the ground state to these populations, at random phases."""
    half = np.arcsin(np.sqrt(np.clip(populations, 0.0, 1.0)))
    phase = rng.uniform(0, 2 * np.pi, len(populations))
    return np.stack([np.cos(half), np.sin(half) * np.cos(phase), np.sin(half) * np.sin(phase), 0 * half], axis=1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
