"""The channels of a sequence: declared when first used, aimed at atoms, and DMMs with their detuning maps."""

from __future__ import annotations

from collections.abc import Iterable

from rydberg_qmem.devices import GatePulse, Lowered
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import DetuningMap, Pulse, Retarget, SLMMask
from rydberg_qmem.pulses._open_sequence import OpenSequence
from rydberg_qmem.pulses._pauses import Pauses
from rydberg_qmem.pulses._phase_references import PhaseReferences


class DeclaredChannels:
    """Channels by the device's ids, with what each is aimed at."""

    def __init__(self, opened: OpenSequence, pauses: Pauses, references: PhaseReferences) -> None:
        self.opened, self.target, self.pauses, self.references = opened, opened.target, pauses, references
        self.first_targets: dict[str, tuple[str, ...]] = {}
        self.aims: dict[str, tuple[int, ...]] = {}
        self.first_maps: dict[str, DetuningMap] = {}
        self.maps: dict[str, tuple[str, DetuningMap]] = {}
        """Of each DMM, the name that the sequence has for its detuning map, and the first block of it."""
        self.mask: SLMMask | None = None

    def expect(self, operations: Iterable[tuple[Lowered, str]]) -> None:
        """Note what each channel will act on first: one that waits before that is aimed at it already."""
        for op, _ in operations:
            if isinstance(op, GatePulse):
                self.first_targets.setdefault(op.channel, (op.atom,))
            elif isinstance(op, Pulse | Retarget) and isinstance(op.atoms, tuple):
                self.first_targets.setdefault(op.channel, op.atoms)
            elif isinstance(op, DetuningMap):
                self.first_maps.setdefault(op.channel, op)

    def declare(self, channel_id: str, atoms: tuple[int, ...] | None, place: str) -> None:
        """Declare a channel unless it is, and aim it at atoms; None leaves it where it is."""
        sequence = self.opened.sequence
        if channel_id not in sequence.declared_channels:
            self._begin(channel_id, atoms, place)
        elif atoms is not None and set(self.aims[channel_id]) != set(atoms):
            self.pauses.turn(channel_id, place)
            self.opened.call(place, sequence.target, self._named(atoms), channel_id)
            self.aims[channel_id] = atoms
            self.pauses.turned(channel_id)

    def _begin(self, channel_id: str, atoms: tuple[int, ...] | None, place: str) -> None:
        names = self._named(atoms) if atoms is not None else None
        local = self.target.channel(channel_id).addressing == "Local"
        waiting = self.first_targets.get(channel_id, (self.target.atoms[0],))
        initial = names if names is not None else (list(waiting) if local else None)
        before = self.pauses.aim(channel_id)
        if before and names is None:
            initial = self._named(before)
        declare = self.opened.sequence.declare_channel
        self.opened.call(place, declare, channel_id, channel_id, initial_target=initial)
        self.references.tell(place)
        if local:
            self.aims[channel_id] = self.target.indices(tuple(initial or ()))
            self.pauses.declared(channel_id, self.aims[channel_id], place)

    def _named(self, atoms: tuple[int, ...]) -> list[str]:
        return [self.target.atoms[i] for i in atoms]

    def aimed_at(self, channel_id: str) -> tuple[int, ...]:
        """Return the atoms that a declared channel acts on now."""
        if self.target.channel(channel_id).addressing == "Global":
            return self.target.indices("all")
        return self.aims[channel_id]

    def ready(self, channel_id: str, place: str) -> None:
        """Declare a channel that a block waits on before it plays."""
        if channel_id not in self.target.device.dmm_channels:
            self.declare(channel_id, None, place)
        elif channel_id not in self.maps:
            first = self.first_maps.get(channel_id)
            if first is None:
                raise CapabilityError(f"{place}: {channel_id} plays no detuning map in this segment")
            self._configure(first, place)

    def name(self, channel_id: str) -> str:
        """Return the sequence's name of a channel: a DMM that also holds the SLM mask has two."""
        return self.maps[channel_id][0] if channel_id in self.maps else channel_id

    def map_of(self, op: DetuningMap, place: str) -> str:
        """Return the sequence's name of the DMM that plays a detuning map, its weights configured once."""
        if op.channel not in self.maps:
            self._configure(op, place)
        name, first = self.maps[op.channel]
        if op.weights != first.weights:
            raise CapabilityError(f"{place}.weights: a segment can hold one detuning map per DMM channel")
        return name

    def _configure(self, op: DetuningMap, place: str) -> None:
        if self._plays_on_mask(op):
            self.maps[op.channel] = op.channel, op
            return
        sequence, weights = self.opened.sequence, {name: op.weights.get(name, 0.0) for name in self.target.atoms}
        before = set(sequence.declared_channels)
        made = self.opened.call(place, self.target.register.define_detuning_map, weights)
        self.opened.call(place, sequence.config_detuning_map, made, op.channel)
        self.references.tell(place)
        new = set(sequence.declared_channels) - before
        own = [name for name in new if name == op.channel or name.startswith(f"{op.channel}_")]
        self.maps[op.channel] = max(own, key=len), op  # an SLM mask that waited for the mode takes the shorter name

    def _plays_on_mask(self, op: DetuningMap) -> bool:
        """Return whether a map is the one that the SLM mask has put on its DMM: weight 1 on the masked atoms alone."""
        if self.mask is None or self.mask.channel != op.channel:
            return False
        masked = {self.target.atoms[i]: 1.0 for i in self.target.indices(self.mask.atoms)}
        return masked == {atom: weight for atom, weight in op.weights.items() if weight}

    def put_on_mask(self, op: SLMMask, place: str) -> None:
        """Put the SLM mask over its atoms."""
        names = self._named(self.target.indices(op.atoms))
        self.opened.call(place, self.opened.sequence.config_slm_mask, names, op.channel)
        self.references.tell(place)
        self.mask = op

    def idle_until(self, end: int) -> None:
        """Let the sequence last: by a channel that is dark, or by one that has nothing else to do."""
        sequence = self.opened.sequence
        declared = sequence.declared_channels
        if not declared:
            usable = {
                name: channel
                for name, channel in self.target.device.channels.items()
                if (channel.basis == "digital") == ("r" not in self.target.levels and "h" in self.target.levels)
                and (channel.basis == "XY") == ("0" in self.target.levels)
            }
            self.declare(next(iter(usable)), None, "delay")
        for name in declared or sequence.declared_channels:
            if name.startswith("dmm_") or sequence.is_in_eom_mode(name):
                continue  # else its samples are stretched to the end
            self.opened.wait_on(name, end, "delay")
            return
