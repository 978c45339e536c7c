"""One atom, watched: the quantum Zeno effect and active reset."""

from __future__ import annotations

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program


@arguments.taking(looks=arguments.setting, angle=arguments.setting)
def zeno(*, looks: int = 8, angle: float = 3.141592653589793, device: str = "DigitalAnalogDevice") -> Program:
    """Return the program that turns an atom by an angle in as many equal parts as there are looks at it.

    The memory `stayed` is 1 while no look found h: its mean is cos²(angle/2N)ᴺ after N looks (B. Misra and E. C. G.
    Sudarshan, J. Math. Phys. 18, 756, 1977).

    Args:
        looks: Number N of measurements.
        angle: The whole turn about y (rad), by default π, from g to h.
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> import rydberg_qmem as rq
    >>> stayed = rq.run(zeno(looks=3), shots=None, emulator="ideal").stayed_final
    >>> round(float(stayed), 6), 0.75**3  # cos²(π/6) = 3/4
    (0.421875, 0.421875)
    """
    return Program(
        name="zeno",
        device=device,
        register={"atoms": {"s": (0, 0)}},
        parameters={"looks": looks, "angle": angle},
        memory={"stayed": {"initial": 1.0}},
        body=[
            {
                "repeat": {
                    "times": "looks",
                    "body": [
                        {"rotate": {"atom": "s", "angle": "angle / looks"}},
                        {"measure": {"atoms": "s", "key": "seen"}},
                        {"set": {"stayed": "stayed * (1 - seen)"}},
                    ],
                }
            }
        ],
    )


@arguments.taking(angle=arguments.setting, rounds=arguments.setting)
def active_reset(*, angle: float = 2.0, rounds: int = 2, device: str = "DigitalAnalogDevice") -> Program:
    """Return the program that resets an atom by measuring it and turning it over where it was read as h.

    Where a bit is misread with e01 = P(1 read | 0) and e10 = P(0 read | 1), the occupation p of h becomes p e10 + (1 -
    p) e01; `left` is its probe at the start of each round.

    Args:
        angle: Turn about y (rad) that excites the atom at the beginning: p = sin²(angle/2).
        rounds: Number of resets.
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> import rydberg_qmem as rq
    >>> left = rq.run(active_reset(angle=2.0), shots=None, emulator="ideal").left
    >>> left.values.round(6).ravel().tolist()  # sin²(1), then 0
    [0.708073, 0.0]
    """
    return Program(
        name="active_reset",
        device=device,
        register={"atoms": {"s": (0, 0)}},
        parameters={"angle": angle, "rounds": rounds},
        body=[
            {"rotate": {"atom": "s", "angle": "angle"}},
            {
                "repeat": {
                    "times": "rounds",
                    "body": [
                        {"probe": {"atoms": "s", "occupation": True, "key": "left"}},
                        {"measure": {"atoms": "s", "key": "m"}},
                        {
                            "when": {
                                "if": "m == 1",
                                "then": [{"rotate": {"atom": "s", "axis": "x", "angle": "pi"}}],
                            }
                        },
                    ],
                }
            },
        ],
    )
