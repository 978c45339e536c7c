"""The shots of an estimator: each call draws its own, as on a device."""

from __future__ import annotations

import numpy as np

from rydberg_qmem.errors import InputError, short

_RandomState = np.random.RandomState
"""scikit-learn's kind of random state."""


def random_state_of(value: object) -> _RandomState:
    """Return the state that scikit-learn's `random_state` means: None is a fresh one, never NumPy's global one.

    Raises InputError for anything but None, a whole number below 2^32, or a `numpy.random.RandomState`.

    >>> int(random_state_of(1).randint(100)) == int(random_state_of(1).randint(100))
    True
    """
    if isinstance(value, _RandomState):
        return value
    if value is None:
        return _RandomState(np.random.MT19937(np.random.SeedSequence()))
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value < 2**32:
        return _RandomState(int(value))
    rule = "must be None, a whole number from 0 to 4294967295, or a numpy.random.RandomState"
    raise InputError(f"random_state {rule}, but is {short(value)}")


class ShotStream:
    """The seeds of an estimator's runs, one after the other, of which no two share a random number.

    Two streams of the same `random_state` give the same sequence; the stream goes on with every seed that is taken.

    >>> stream = ShotStream(0)
    >>> stream.seed() == stream.seed(), ShotStream(0).seed() == ShotStream(0).seed()
    (False, True)
    """

    def __init__(self, random_state: object) -> None:
        words = random_state_of(random_state).randint(2**32, size=4, dtype=np.uint32)
        self._root = np.random.SeedSequence(words.tolist())

    def seed(self) -> int:
        """Return the seed of the next run, a whole number of 128 bits."""
        words = self._root.spawn(1)[0].generate_state(4)
        return int.from_bytes(words.tobytes(), "little")
