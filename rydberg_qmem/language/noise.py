"""Noise as data: a declarative front of Pulser's `NoiseModel`, one to one with its field names."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.arguments import is_xarray, refuse
from rydberg_qmem.language.html import noise_table
from rydberg_qmem.language.models import Model
from rydberg_qmem.language.problems import validated


def _plain(value: complex) -> float | str:
    return value.real if value.imag == 0 else f"{value.real!r}{value.imag:+}j"


def _rows(value: Any) -> Any:
    """Return operators as nested lists, whatever arrays (or qutip objects) they came as."""
    if isinstance(value, list | tuple):
        return tuple(np.asarray(op.full() if hasattr(op, "full") else op).tolist() for op in value)
    return value


Entry = Annotated[complex, PlainSerializer(_plain), WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]
"""A matrix element: a number, or a complex number as text (`0.5+0.5j`)."""

LINDBLAD = (
    "relaxation_rate", "dephasing_rate", "hyperfine_dephasing_rate", "depolarizing_rate", "eff_noise_rates",
    "with_leakage",
)  # fmt: skip
"""Fields that act on the state while time passes."""
EVERYWHERE = ("relaxation_rate", "dephasing_rate", "hyperfine_dephasing_rate", "eff_noise_rates")
"""Those that Pulser's own emulators have for two and three levels alike."""
SHOT_TO_SHOT = (
    "temperature", "amp_sigma", "laser_waist", "detuning_sigma", "detuning_hf_psd", "trap_waist", "dmm_sigma",
    "detuning_map_spot_waist",
)  # fmt: skip
"""Fields that change the Hamiltonian of a shot; `laser_waist` and `detuning_map_spot_waist` alone without chance."""
PREPARATION_AND_READOUT = ("state_prep_error", "p_false_pos", "p_false_neg")


class Noise(Model):
    """Noise of the atoms and lasers, by the names, units and meaning of `pulser.NoiseModel`; all off by default.

    Rates are in 1/µs, the temperature and `trap_depth` in µK, waists in µm, `detuning_sigma` in rad/µs.
    `eff_noise_opers` are matrices over the program's levels in Pulser's order (r, g, h, then x), their rates in
    `eff_noise_rates`.

    >>> noise = Noise(relaxation_rate=0.01, p_false_neg=0.05)
    >>> noise == Noise.of({"relaxation_rate": 0.01, "p_false_neg": 0.05})
    True
    """

    state_prep_error: float = Field(0.0, description="Chance that an atom is missing at the start.")
    p_false_pos: float = Field(0.0, description="Chance that 0 is read as 1.")
    p_false_neg: float = Field(0.0, description="Chance that 1 is read as 0.")
    temperature: float = Field(
        0.0, description="Temperature (µK) of the atoms: Doppler shifts, and with a trap shifted positions."
    )
    disable_doppler: bool = Field(False, description="Whether a temperature leaves the Doppler shifts out.")
    trap_waist: float = Field(0.0, description="Waist (µm) of the tweezers.")
    trap_depth: float | None = Field(None, description="Depth (µK) of the tweezers.")
    laser_waist: float | None = Field(
        None, description="Waist (µm) of global lasers, which weakens them off the axis; none by default."
    )
    amp_sigma: float = Field(0.0, description="Relative scatter of the amplitude from shot to shot.")
    detuning_sigma: float = Field(0.0, description="Scatter (rad/µs) of the detuning from shot to shot.")
    detuning_hf_psd: tuple[float, ...] = Field((), description="Power spectral density of fast detuning noise.")
    detuning_hf_omegas: tuple[float, ...] = Field((), description="Its angular frequencies (rad/µs).")
    dmm_sigma: float = Field(0.0, description="Relative scatter of a detuning map from shot to shot.")
    detuning_map_spot_waist: float | None = Field(
        None, description="Waist (µm) of a detuning map's spots; none by default."
    )
    relaxation_rate: float = Field(0.0, description="Rate (1/µs) of decay from r to g.")
    dephasing_rate: float = Field(0.0, description="Dephasing rate (1/µs) of r, or of XY.")
    hyperfine_dephasing_rate: float = Field(0.0, description="Dephasing rate (1/µs) of h.")
    depolarizing_rate: float = Field(0.0, description="Depolarizing rate (1/µs).")
    eff_noise_rates: tuple[float, ...] = Field((), description="Rates (1/µs) of the operators below.")
    eff_noise_opers: Annotated[tuple[tuple[tuple[Entry, ...], ...], ...], BeforeValidator(_rows)] = Field(
        (), description="Collapse operators over the program's levels, in the order r, g, h, then x."
    )
    with_leakage: bool = Field(False, description="Whether the operators have the leaked level x.")

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        if not type(value).__module__.startswith("pulser."):
            return value
        theirs = {field.name: getattr(value, field.name) for field in fields(value)}
        if theirs.get("samples_per_run", 1) != 1 or theirs.get("runs") not in (None, 15):
            raise PydanticCustomError("noise", "must leave runs and samples_per_run alone: each shot draws its own")
        return {name: theirs[name] for name in cls.model_fields if name in theirs}

    @model_validator(mode="after")
    def _as_pulser_has_it(self) -> Self:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.to_pulser()
        except (ValueError, TypeError, UserWarning) as error:
            text = " ".join(str(error).split()).replace("{", "(").replace("}", ")")
            raise PydanticCustomError("noise", f"is no noise model of Pulser: {text}") from None
        return self

    @classmethod
    def of(cls, value: Noise | Mapping[str, Any] | Any | None) -> Noise | None:
        """Return a noise model given as one, as a mapping, or as a `pulser.NoiseModel`; all off is None."""
        if value is None:
            return None
        if is_xarray(value):
            raise refuse("noise", "a Noise, a mapping, or a pulser.NoiseModel", value)
        made = value if isinstance(value, Noise) else validated(cls, value, "noise")
        return made if made.active else None

    def _repr_html_(self) -> str:
        return noise_table(self.to_dict())

    @property
    def active(self) -> tuple[str, ...]:
        """The fields that do something, by name."""
        named = (*LINDBLAD, *SHOT_TO_SHOT, *PREPARATION_AND_READOUT)
        found = [name for name in named if getattr(self, name)]
        if self.disable_doppler and not self.trap_waist and "temperature" in found:
            found.remove("temperature")
        return tuple(found)

    @property
    def is_lindblad(self) -> bool:
        """Whether the state decoheres while time passes."""
        return bool(set(self.active) & set(LINDBLAD))

    @property
    def has_doppler(self) -> bool:
        """Whether atoms move along the light."""
        return self.temperature > 0 and not self.disable_doppler

    @property
    def has_register(self) -> bool:
        """Whether atoms are not quite where the register has them."""
        return self.trap_waist > 0

    @property
    def is_random(self) -> tuple[str, ...]:
        """The fields that differ from shot to shot, by name."""
        still = ("laser_waist", "detuning_map_spot_waist")
        return tuple(name for name in self.active if name in SHOT_TO_SHOT and name not in still)

    @property
    def changes_hamiltonian(self) -> bool:
        """Whether drives or interactions of a shot differ from the program's."""
        return any(name in SHOT_TO_SHOT for name in self.active)

    @property
    def lindblad(self) -> Noise:
        """The part that acts on the state while time passes."""
        return Noise(**{name: getattr(self, name) for name in (*LINDBLAD, "eff_noise_opers")})

    def to_pulser(self) -> Any:
        """Return the `pulser.NoiseModel`."""
        import pulser

        return pulser.NoiseModel(**{name: getattr(self, name) for name in type(self).model_fields})

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)
