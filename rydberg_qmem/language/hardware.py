"""What measuring and waiting cost on a machine, as data: durations, confusion, loss, and what others suffer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem import arguments
from rydberg_qmem.arguments import is_xarray, refuse
from rydberg_qmem.errors import InputError, ProgramError, did_you_mean
from rydberg_qmem.language import files
from rydberg_qmem.language.html import hardware_table
from rydberg_qmem.language.models import Model
from rydberg_qmem.language.problems import validated
from rydberg_qmem.language.values import AtomName, FrozenMapping

Probability = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[float, Field(ge=0, le=1e9)]
Lifetime = Annotated[float, Field(gt=0)]


def _stochastic(matrix: tuple[tuple[float, float], tuple[float, float]]) -> Any:
    for row in matrix:
        if min(row) < 0 or abs(sum(row) - 1) > 1e-9:
            raise PydanticCustomError("confusion", "must have rows (true bit 0, then 1) of chances that add up to 1")
    return matrix


Confusion = Annotated[tuple[tuple[float, float], tuple[float, float]], AfterValidator(_stochastic)]
"""P(read | true): rows the true bit, columns the read one."""


class HardwareProfile(Model):
    """Durations (µs), errors and side effects of measuring and resetting; all zero by default.

    A `measure` takes `imaging_us` + `readout_latency_us` + `decision_latency_us`, a `reset` (or the replacement of a
    lost atom) `reset_us`; they pass for every atom. The read bit is flipped with `p_false_pos` (0 read as 1) and
    `p_false_neg` (1 read as 0), or as an atom's own `confusion` matrix says; the state keeps the true one. A measured
    atom is lost with the chance `loss`. Each atom that is not measured while others are loses the part
    `spectator_dephasing` of the coherence between its levels, and with the chance `spectator_heating` scatters light
    and is left in an equal mixture of its ground levels; the heat of its motion is not followed. Decoherence acts at
    all times: `t1_us` (h to g; 1 to 0 in XY), `t2_us` (coherence between g and h, or 0 and 1), `rydberg_lifetime_us`
    (r to g).

    >>> HardwareProfile(imaging_us=500, readout_latency_us=200).measuring_us
    700.0
    """

    name: str = Field("own", description="The profile's name.")
    about: str = Field("", description="What machine it describes.")
    imaging_us: Duration = Field(0.0, description="Duration (µs) of the image.")
    readout_latency_us: Duration = Field(0.0, description="Time (µs) until the image is read out.")
    decision_latency_us: Duration = Field(0.0, description="Time (µs) until an outcome can steer.")
    reset_us: Duration = Field(0.0, description="Duration (µs) of a reset, or of replacing a lost atom.")
    p_false_pos: Probability = Field(0.0, description="Chance that 0 is read as 1.")
    p_false_neg: Probability = Field(0.0, description="Chance that 1 is read as 0.")
    confusion: FrozenMapping[AtomName, Confusion] = Field(
        default_factory=dict, description="P(read | true) by atom, rows the true bit, in place of the two chances."
    )
    loss: Probability = Field(0.0, description="Chance that measuring loses an atom.")
    spectator_dephasing: Probability = Field(0.0, description="Part of the coherence that atoms not measured lose.")
    spectator_heating: Probability = Field(0.0, description="Chance that an atom not measured scatters light.")
    t1_us: Lifetime | None = Field(None, description="Relaxation time (µs) from h to g, or 1 to 0; none by default.")
    t2_us: Lifetime | None = Field(
        None, description="Coherence time (µs) of g and h, or 0 and 1, at most twice t1_us; none by default."
    )
    rydberg_lifetime_us: Lifetime | None = Field(None, description="Lifetime (µs) of r; none by default.")
    sources: FrozenMapping[str, str] = Field(default_factory=dict, description="Where the numbers are from, by field.")

    @model_validator(mode="after")
    def _possible(self) -> HardwareProfile:
        if self.t1_us is not None and self.t2_us is not None and self.t2_us > 2 * self.t1_us * (1 + 1e-12):
            raise PydanticCustomError("hardware", "must have t2_us at most twice t1_us")
        unknown = set(self.sources) - set(type(self).model_fields)
        if unknown:
            raise PydanticCustomError(
                "hardware", "sources must name fields of the profile, not {name}", {"name": sorted(unknown)[0]}
            )
        return self

    @property
    def measuring_us(self) -> float:
        """How long a measurement takes, until its outcome can steer."""
        return self.imaging_us + self.readout_latency_us + self.decision_latency_us

    @property
    def dephasing_rate(self) -> float:
        """Rate (1/µs) at which the coherence decays beyond what relaxation does to it."""
        if self.t2_us is None:
            return 0.0
        return max(0.0, 1 / self.t2_us - (0.5 / self.t1_us if self.t1_us is not None else 0.0))

    @property
    def decoheres(self) -> bool:
        """Whether atoms decohere while time passes."""
        return any(value is not None for value in (self.t1_us, self.t2_us, self.rydberg_lifetime_us))

    @arguments.taking(atom=arguments.text)
    def confusion_of(self, atom: str) -> tuple[float, float]:
        """Return the chances of a false positive and of a false negative of an atom."""
        if atom in self.confusion:
            return self.confusion[atom][0][1], self.confusion[atom][1][0]
        return self.p_false_pos, self.p_false_neg

    def _repr_html_(self) -> str:
        return hardware_table(self.name, self.about, self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return field, value and source as text, of all that is not zero."""
        skip = ("name", "about", "sources")
        data = self.to_dict()
        return [(k, str(v), self.sources.get(k, "given by you")) for k, v in data.items() if k not in skip]


def profile_of(value: HardwareProfile | Mapping[str, Any] | str | Path | None) -> HardwareProfile | None:
    """Return a profile given as one, as a mapping, by name, or as the path of a YAML or JSON file.

    >>> profile_of("zoned_2024").readout_latency_us
    200.0
    """
    if value is None or isinstance(value, HardwareProfile):
        return value
    if isinstance(value, Mapping) and not is_xarray(value):
        return validated(HardwareProfile, value, "hardware")
    if not isinstance(value, str | Path):
        raise refuse("hardware", "a profile, a mapping, a profile's name or the path of a YAML or JSON file", value)
    text = str(value)
    if text in PROFILES:
        return PROFILES[text]
    if not text.endswith((".yaml", ".yml", ".json")):
        raise InputError(f"hardware: no profile {text!r}{did_you_mean(text, list(PROFILES))}; or give a .yaml file")
    try:
        data, source = files.parse(files.read_text(Path(text)), text)
    except ProgramError as error:
        raise InputError(f"hardware: {error}") from None
    return validated(HardwareProfile, data, "hardware", source)


_BLUVSTEIN = "Bluvstein et al., Nature 626, 58 (2024), Extended Data Fig. 3"
_ASSUMED = "assumed: no published figure was found"

PROFILES: dict[str, HardwareProfile] = {
    "ideal": HardwareProfile(name="ideal", about="Measurement and reset at once and without error."),
    "zoned_2024": HardwareProfile(
        name="zoned_2024",
        about="Rubidium atoms in zones: ancillas are moved away, imaged by fluorescence, and replaced.",
        imaging_us=510.0,
        readout_latency_us=200.0,
        decision_latency_us=50.0,
        reset_us=100.0,
        p_false_pos=0.005,
        p_false_neg=0.005,
        loss=0.01,
        spectator_dephasing=0.01,
        t2_us=1_000_000.0,
        rydberg_lifetime_us=125.0,
        sources={
            "imaging_us": f"push-out 10 µs and local imaging 500 µs: {_BLUVSTEIN}",
            "readout_latency_us": f"camera pixels to the controller 200 µs: {_BLUVSTEIN}",
            "decision_latency_us": f"{_ASSUMED}; the whole is below 1 ms in Bluvstein et al. (2024)",
            "reset_us": _ASSUMED,
            "p_false_pos": f"{_ASSUMED}; 99.91 % detection fidelity in arXiv:2206.00144",
            "p_false_neg": f"{_ASSUMED}; 99.91 % detection fidelity in arXiv:2206.00144",
            "loss": "rounded from 0.9(3) %: Radnaev et al., arXiv:2408.08288; 0.9(2) %: arXiv:2206.00144",
            "spectator_dephasing": f"idle infidelity of 0.01 per cycle, {_ASSUMED}",
            "t2_us": "1 to 1.5 s with echo: from memory, not checked",
            "rydberg_lifetime_us": "100 to 150 µs: from memory, not checked",
        },
    ),
    "fast_cavity": HardwareProfile(
        name="fast_cavity",
        about="Atoms read one by one through an optical cavity within tens of µs.",
        imaging_us=25.0,
        decision_latency_us=10.0,
        reset_us=100.0,
        p_false_pos=0.006,
        p_false_neg=0.006,
        loss=0.025,
        t2_us=1_000_000.0,
        rydberg_lifetime_us=125.0,
        sources={
            "imaging_us": "readout within tens of µs: Deist et al., arXiv:2205.14138 (25 is a choice)",
            "decision_latency_us": _ASSUMED,
            "reset_us": _ASSUMED,
            "p_false_pos": "discrimination 0.994(1): arXiv:2408.15329",
            "p_false_neg": "discrimination 0.994(1): arXiv:2408.15329",
            "loss": "survival 0.975(1): arXiv:2408.15329",
            "t2_us": "1 to 1.5 s with echo: from memory, not checked",
            "rydberg_lifetime_us": "100 to 150 µs: from memory, not checked",
        },
    ),
}
"""Profiles by name, each number with its source. No decoherence of spectators was seen in the cavity (2205.14138)."""
