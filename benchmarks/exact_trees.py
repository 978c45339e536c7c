"""Exact runs: the memristor with window 9 over 100 rounds, and a tree of 2^14 branches that cannot merge."""

from __future__ import annotations

from timing import seconds, table

import rydberg_qmem as rq


def tree(depth: int = 14) -> rq.Program:
    """Return a program whose memory spells out all outcomes, so that no two branches are equal."""
    body = [
        {"rotate": {"atom": "q", "angle": "1 + 0.1 * x / 2 ** 8"}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"reset": {"atoms": "q"}},
        {"set": {"x": "2 * x + m"}},
    ]
    return rq.Program(
        name="tree",
        device="MockDevice",
        register={"atoms": {"q": (0, 0)}},
        memory={"x": {"initial": 0}},
        body=[{"repeat": {"times": depth, "body": body}}, {"rotate": {"atom": "q", "angle": "x / 1000"}}],
    )


def main() -> None:
    """Print the table."""
    rq.run(tree(2), shots=None)
    window = seconds(lambda: rq.run("two_port_memristor", shots=None, rounds=100))
    ideal = seconds(lambda: rq.run("two_port_memristor", shots=None, rounds=100, emulator="ideal"))
    branches = seconds(lambda: rq.run(tree(), shots=None))
    rows = [
        ("memristor, window 9, 100 rounds, ideal gates", ideal, 1.0),
        ("the same on pulses", window, window / ideal),
        ("tree of 2^14 branches, on pulses", branches, branches / ideal),
    ]
    table("exact runs (shots=None)", rows)


if __name__ == "__main__":
    main()
