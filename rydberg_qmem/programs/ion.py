"""The three-level memristor of one atom: two Gaussian pulses and no gate."""

from __future__ import annotations

from itertools import pairwise
from math import erf

from rydberg_qmem import arguments
from rydberg_qmem.language.blocks import AnyBlock, Measure, Probe, Pulse, Push, Repeat, Reset, Set
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.waveforms import Custom


def gaussian(tau_ns: int, *, cut: float = 3.0) -> tuple[float, ...]:
    """Return samples (1/µs) of exp(-(t/tau)²) within ±cut tau, each the mean over its nanosecond, of unit area.

    >>> samples = gaussian(40)
    >>> len(samples), round(sum(samples) * 1e-3, 12)
    (240, 1.0)
    """
    half = round(cut * tau_ns)
    edges = [erf(t / tau_ns) for t in range(-half, half + 1)]
    total = edges[-1] - edges[0]
    return tuple((b - a) / total * 1e3 for a, b in pairwise(edges))


@arguments.taking(
    period=arguments.whole(1, 1_000_000),
    window=arguments.whole(1, 1_000_000),
    tau_ns=arguments.whole(1, 1_000_000_000),
    pieces=arguments.whole(1, 1_000),
)
def ion_memristor(*, period: int = 24, window: int = 9, tau_ns: int = 40, pieces: int = 1) -> Program:
    """Return the three-level memristor: a Raman pulse g-h writes n_in, a Rydberg pulse g-r reflects, both Gaussian.

    A photon is g, no photon is h: the Raman pulse leaves n_in = sin²(π k / period) in g, the Rydberg pulse takes the
    part R of it to r. Both are read, the atom starts anew, and R is the mean of what was seen. After the trapped-ion
    memristor (Stremoukhov, Forsh and others, Entropy 25, 1134 (2023)).

    Args:
        period: Rounds of one period of n_in; the program runs two.
        window: Rounds over which the memory averages.
        tau_ns: Width of the pulses exp(-(t/tau)²), in ns, cut at three of them on either side.
        pieces: Into how many parts each pulse is cut; with more than 1 the populations after each are probed under
            `raman_i` and `rydberg_i`, i from 0.

    Raises InputError for numbers that are not whole, or below 1.

    >>> ion_memristor(period=8, window=3).name
    'ion_memristor'
    """
    raman = _pulse("raman_local", "2 * acos(sqrt(n_in))", tau_ns, pieces, "raman")
    rydberg = _pulse("rydberg_local", "2 * asin(sqrt(R))", tau_ns, pieces, "rydberg")
    body: tuple[AnyBlock, ...] = (
        *raman,
        *rydberg,
        Measure(atoms="s", key="click", basis="ground-rydberg"),
        Measure(atoms="s", key="vacuum", basis="digital"),
        Reset(atoms="s"),
        Push(values={"seen": Expression("where(vacuum < 0, seen[0], 1 - vacuum)")}),
        Set(values={"R": Expression("clip(mean(seen), 0, 1)")}),
    )
    return Program(
        name="ion_memristor",
        about="Three-level memristor of one atom with Gaussian pulses. Expected: y = (1 - R) n_in (derived).",
        tags=("memristor", "three-level"),
        register={"atoms": {"s": (0, 0)}},
        inputs={"n_in": {"default": f"sin(pi * k / {period}) ** 2", "rounds": 2 * period}},
        memory={"R": {"initial": 0.5}, "seen": {"window": window, "initial": 0.5}},
        body=(Repeat(over="n_in", body=body),),
    )


def _pulse(channel: str, area: str, tau_ns: int, pieces: int, key: str) -> list[AnyBlock]:
    samples = gaussian(tau_ns)
    size = len(samples) // pieces
    blocks: list[AnyBlock] = []
    for i in range(pieces):
        part = samples[i * size : (i + 1) * size if i < pieces - 1 else None]
        blocks.append(Pulse(channel=channel, atoms="s", amplitude=Custom(samples=part, scale=Expression(area))))
        if pieces > 1:
            basis = "digital" if key == "raman" else "ground-rydberg"
            blocks.append(Probe(atoms="s", occupation=True, key=f"{key}_{i}", basis=basis))
    return blocks
