"""What is known at one point of a program, whatever came before: an interval for each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rydberg_qmem.compile.steps import RepeatStep
from rydberg_qmem.language.intervals import Interval


@dataclass(frozen=True)
class IntervalState:
    """What is known at one point of a program: an interval for each name; which names surely have a value."""

    names: Mapping[str, Interval]
    certain: frozenset[str]

    def join(self, other: IntervalState) -> IntervalState:
        """Return what is known where either state may be."""
        names = dict(self.names)
        for name, interval in other.names.items():
            names[name] = names[name].join(interval) if name in names else interval
        return IntervalState(names, self.certain & other.certain)

    def having(self, more: Mapping[str, Interval], certain: Iterable[str] = ()) -> IntervalState:
        """Return the state with some names known anew."""
        return IntervalState({**self.names, **more}, self.certain | frozenset(certain))


def reached_state(state: IntervalState | None) -> IntervalState:
    """Return the state of a point that some history comes to."""
    assert state is not None  # where no history comes, no step is done
    return state


def forgotten(keys: frozenset[str], state: IntervalState | None) -> IntervalState:
    """Return what is known where keys may have no outcome."""
    return IntervalState(reached_state(state).names, reached_state(state).certain - keys)


def after_round(step: RepeatStep, k: int | None, state: IntervalState | None) -> IntervalState | None:
    """Return what is known after a round, where its counter and inputs are no more."""
    if state is None:
        return None
    gone = {step.counter, *step.signals}
    return IntervalState({name: i for name, i in state.names.items() if name not in gone}, state.certain - gone)


def after_either_side(ends: list[IntervalState | None]) -> IntervalState | None:
    """Return what is known after one of two sides, of those that any history takes."""
    reached = [end for end in ends if end is not None]
    if not reached:
        return None
    return reached[0] if len(reached) == 1 else reached[0].join(reached[1])
