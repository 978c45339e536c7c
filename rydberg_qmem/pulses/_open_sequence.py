"""A `pulser.Sequence` while it is built: its times, and its calls, whose errors name the place of a block."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.devices import FIELD_ALONG_Z, Target
from rydberg_qmem.errors import CapabilityError, RunError
from rydberg_qmem.language.blocks import Protocol
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.pulses._shapes import Scope, column


class OpenSequence:
    """A Pulser sequence for a target, with control values at hand: all of them if it is `real`."""

    def __init__(self, target: Target, scope: Scope, *, real: bool) -> None:
        import pulser

        self.target, self.scope, self.real = target, scope, real
        try:
            self.sequence: Any = pulser.Sequence(target.register, target.device)
        except Exception as error:
            raise CapabilityError(f"register: {error}") from None
        if "0" in target.levels and target.magnetic_field != FIELD_ALONG_Z:
            self.sequence.set_magnetic_field(*target.magnetic_field)
        self.floor = 0
        """When (ns) the next block may start."""
        self.last_start = 0
        """When (ns) the last pulse started."""

    def call(self, place: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Call Pulser for the block at a place; what it refuses is said there."""
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            kind = RunError if self.real else CapabilityError
            raise kind(f"{place}: {error}") from None

    def number(self, expression: Expression) -> float:
        """Return the value of an expression with the control values at hand."""
        return float(column(expression, self.scope)[0])

    def bases(self) -> set[str]:
        """Return the bases of the channels that are declared."""
        return {str(channel.basis) for channel in self.sequence.declared_channels.values()}

    # --- times (ns) ---

    def end(self, *, at_rest: bool = False) -> int:
        """Return when the last channel ends, with the time in which modulated outputs fade if `at_rest`."""
        if not self.sequence.declared_channels:
            return 0
        return int(self.sequence.get_duration(include_fall_time=at_rest))

    def now(self) -> int:
        """Return when all that was added so far has been played, but for what modulated outputs still fade."""
        return max(self.floor, self.end())

    def wait_on(self, channel_id: str, until: int, place: str) -> None:
        """Delay a channel until a time, or a little longer where its clock does not allow that."""
        now = int(self.sequence.get_duration(channel_id))
        if until > now:
            channel = self.sequence.declared_channels[channel_id]
            ticks = -(-max(until - now, channel.min_duration) // channel.clock_period)
            self.call(place, self.sequence.delay, ticks * channel.clock_period, channel_id)

    def synchronise(self, channel_id: str, start_with: str | None, protocol: Protocol, place: str) -> Protocol:
        """Wait on the channel until the floor, or until the previous block's start; return the protocol from there."""
        self.wait_on(channel_id, self.last_start if start_with == "previous" else self.floor, place)
        return "no-delay" if start_with == "previous" else protocol

    def started(self, channel_id: str, duration: int, start_with: str | None, place: str) -> int:
        """Return when the pulse that a channel has played last has started, or say why not with the one before."""
        start = int(self.sequence.get_duration(channel_id)) - duration
        if start_with == "previous" and start != self.last_start:
            raise CapabilityError(
                f"{place}: cannot start with the previous block, its channel is busy until {start} ns"
            )
        self.last_start = start
        return start
