"""One atom, watched: the quantum Zeno effect and active reset."""

from __future__ import annotations

from rydberg_qmem.language.program import Program


def zeno(*, looks: int = 8, angle: float = 3.141592653589793, device: str = "DigitalAnalogDevice") -> Program:
    """Return the program that turns an atom by `angle` in as many equal parts as there are looks at it.

    The memory `stayed` is 1 while no look found h: its mean is cos²(angle/2N)ᴺ after N looks.

    >>> zeno(looks=3).name
    'zeno'
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


def active_reset(*, angle: float = 2.0, rounds: int = 2, device: str = "DigitalAnalogDevice") -> Program:
    """Return the program that resets an atom by measuring it and turning it over where it was read as h.

    Where a bit is misread with e01 = P(1 read | 0) and e10 = P(0 read | 1), the occupation p of h becomes
    p e10 + (1 - p) e01; `left` is its probe at the start of each round.

    >>> active_reset().name
    'active_reset'
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
