"""Phases read bit by bit: iterative phase estimation, and the same with each quadrature fixed beforehand."""

from __future__ import annotations

from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program


@arguments.taking(phase=arguments.setting, bits=arguments.setting)
def iterative_phase_estimation(*, phase: float = 0.34375, bits: int = 5, device: str = "MockDevice") -> Program:
    """Return the program that reads the phase of a controlled phase, last bit first, on one ancilla.

    Each round applies the controlled phase 2ᵏ times (as one `cphase`), turns the ancilla back by what is already known,
    measures and resets it. The memory `estimate` ends as the binary fraction of the bits: exact if the phase has no
    more bits. After R. B. Griffiths and C.-S. Niu, Phys. Rev. Lett. 76, 3228 (1996).

    Args:
        phase: The phase in turns, 0 to 1.
        bits: Number of bits that are read.
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> import rydberg_qmem as rq
    >>> record = rq.run(iterative_phase_estimation(phase=0.625, bits=3), shots=None, emulator="ideal")
    >>> record.bit.values.round(6).ravel().tolist()  # 0.625 = 0.101 in binary, last bit first
    [1.0, 0.0, 1.0]
    """
    body: list[Any] = [
        {"rotate": {"atom": "a", "angle": "pi / 2"}},
        {"cphase": {"control": "a", "target": "s", "angle": "2 * pi * (phase * power - floor(phase * power))"}},
        {"rotate": {"atom": "a", "axis": "z", "angle": "-pi * estimate"}},
        {"rotate": {"atom": "a", "angle": "-pi / 2"}},
        {"measure": {"atoms": "a", "key": "bit"}},
        {"reset": {"atoms": "a"}},
        {"set": {"estimate": "(max(bit, 0) + estimate) / 2", "power": "power / 2"}},
    ]
    return Program(
        name="iterative_phase_estimation",
        device=device,
        register={"atoms": {"s": (0, 0), "a": (5, 0)}},
        parameters={"phase": phase, "bits": bits},
        memory={"power": {"initial": "floor(exp((bits - 1) * log(2)) + 0.5)"}, "estimate": {"initial": 0.0}},
        body=[
            {"rotate": {"atom": "s", "axis": "x", "angle": "pi"}},
            {"repeat": {"times": "bits", "body": body}},
        ],
    )


@arguments.taking(adaptive=arguments.flag, bits=arguments.whole(1, 40), repeats=arguments.whole(maximum=10_000))
def ramsey_search(
    *, adaptive: bool = True, bits: int = 6, repeats: int = 1, device: str = "DigitalAnalogDevice"
) -> Program:
    """Return a search for an unknown phase (`phase`, drawn once per shot, in turns) by one atom's Ramsey fringes.

    Bit j waits 2^(bits-1-j) units of time, each gathering the phase once, `repeats` times in a row. The last quarter
    turn's `setting` (in turns) is fed back from earlier bits, each the majority of its repeats; without feedback it
    runs through half a turn in as many steps as there are repeats, or alternates between the two quadratures. Both take
    the same time, `repeats` (2^bits - 1), and both records say all that an estimator needs: `bit`, `power`, `setting`.
    Adaptive and without repeats, the estimate is what the quantum Fourier transform of equal weights gives: its mean 1
    - cos(error) is 2^-bits (derived).

    Args:
        adaptive: Whether the setting is fed back (default), or fixed beforehand.
        bits: Number of bits.
        repeats: Measurements of each bit, 1 or more, odd if adaptive.
        device: Name of the device.

    Raises InputError for repeats below 1, or of which there is no majority.

    >>> ramsey_search(adaptive=False).name
    'ramsey_search_fixed'
    """
    if repeats < 1 or (adaptive and repeats % 2 == 0):
        raise InputError(f"repeats must be 1 or more, and odd for majorities, but is {repeats}")
    fixed = "0.25 * (k % 2)" if repeats == 1 else f"(k % {repeats}) / {2 * repeats}"
    last = f"k % {repeats} == {repeats - 1}"
    body: list[Any] = [
        {"set": {"setting": "estimate / 2" if adaptive else fixed}},
        {"rotate": {"atom": "a", "angle": "pi / 2"}},
        {"rotate": {"atom": "a", "axis": "z", "angle": "2 * pi * (phase * power - setting)"}},
        {"rotate": {"atom": "a", "angle": "-pi / 2"}},
        {"measure": {"atoms": "a", "key": "bit"}},
        {"reset": {"atoms": "a"}},
        {"set": {"ones": "ones + bit"}},
        {
            "set": {
                "estimate": f"where({last}, (where(2 * ones > {repeats}, 1, 0) + estimate) / 2, estimate)",
                "power": f"where({last}, power / 2, power)",
                "ones": f"where({last}, 0, ones)",
            }
        },
    ]
    return Program(
        name=f"ramsey_search_{'adaptive' if adaptive else 'fixed'}",
        device=device,
        register={"atoms": {"a": (0, 0)}},
        parameters={"bits": bits},
        memory={
            "phase": {"initial": "uniform()"},
            "power": {"initial": "floor(exp((bits - 1) * log(2)) + 0.5)"},
            "estimate": {"initial": 0.0},
            "setting": {"initial": 0.0},
            "ones": {"initial": 0.0},
        },
        body=[{"repeat": {"times": f"{repeats} * bits", "body": body}}],
    )
