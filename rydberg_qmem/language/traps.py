"""Traps: a register layout of Pulser's, by its lattice and sizes, or by coordinates."""

from __future__ import annotations

from typing import Any, Literal, Self, assert_never

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.models import Model
from rydberg_qmem.language.positions import Position

TrapPattern = Literal["triangular_lattice", "square_lattice", "rectangular_lattice"]
MOST_TRAPS = 2000
_TRAPS_NEED: dict[str, tuple[str, ...]] = {
    "triangular_lattice": ("n_traps", "spacing_um"),
    "square_lattice": ("rows", "columns", "spacing_um"),
    "rectangular_lattice": ("rows", "columns", "row_spacing_um", "col_spacing_um"),
}


class Traps(Model):
    """A register layout of Pulser's: one of its lattices with its sizes, or the traps' coordinates (µm).

    Traps are numbered as in Pulser: from small to large x, then y, then z.

    >>> Traps(layout="triangular_lattice", n_traps=61, spacing_um=5).to_pulser().number_of_traps
    61
    """

    layout: TrapPattern | None = Field(None, description="A lattice of Pulser's; give this or coordinates.")
    n_traps: int | None = Field(None, description="Traps of a triangular lattice.")
    rows: int | None = Field(None, description="Rows of a square or rectangular lattice.")
    columns: int | None = Field(None, description="Columns of a square or rectangular lattice.")
    spacing_um: float | None = Field(None, description="Distance (µm) of neighbours.")
    row_spacing_um: float | None = Field(None, description="Distance (µm) of rows.")
    col_spacing_um: float | None = Field(None, description="Distance (µm) of columns.")
    coordinates: tuple[Position, ...] | None = Field(None, description="The traps' places (µm).")
    slug: str | None = Field(None, description="The layout's name in Pulser.")

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        if type(value).__module__.startswith("pulser.") and hasattr(value, "traps_dict"):
            return {"coordinates": [tuple(map(float, place)) for place in value.sorted_coords], "slug": value.slug}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.layout is None) == (self.coordinates is None):
            raise PydanticCustomError("register", "traps must give either a layout or coordinates")
        if self.layout is not None:
            check_sizes(self, self.layout, _TRAPS_NEED[self.layout])
            self._few(self.n_traps or (self.rows or 1) * (self.columns or 1))
        else:
            places = self.coordinates or ()
            self._few(len(places))
            if not places or len({len(place) for place in places}) > 1 or len(set(places)) < len(places):
                raise PydanticCustomError("register", "traps must be different places, all in plane or all in space")
        return self

    def _few(self, count: int) -> None:
        if count > MOST_TRAPS:
            raise PydanticCustomError("register", "must hold at most {most} traps", {"most": MOST_TRAPS})

    def to_pulser(self) -> Any:
        """Return Pulser's register layout."""
        from pulser import register as p
        from pulser.register.register_layout import RegisterLayout
        from pulser.register.special_layouts import RectangularLatticeLayout

        match self.layout:
            case "triangular_lattice":
                return p.special_layouts.TriangularLatticeLayout(self.n_traps or 1, self.spacing_um or 1.0)
            case "square_lattice":
                return p.special_layouts.SquareLatticeLayout(self.rows or 1, self.columns or 1, self.spacing_um or 1.0)
            case "rectangular_lattice":
                gaps = self.col_spacing_um or 1.0, self.row_spacing_um or 1.0
                return RectangularLatticeLayout(self.rows or 1, self.columns or 1, *gaps)
            case None:
                return RegisterLayout(list(self.coordinates or ()), slug=self.slug)
            case _:
                assert_never(self.layout)


SIZES = (
    "rows", "columns", "side", "layers", "n_qubits", "units", "roles", "between_um", "spacing_um", "row_spacing_um",
    "col_spacing_um",
)  # fmt: skip
"""What a layout is made of."""


def check_sizes(model: Any, layout: str, needed: tuple[str, ...]) -> None:
    """Refuse sizes that a layout needs and has not, has and does not need, or that are not positive."""
    missing = [field for field in needed if getattr(model, field) is None]
    if missing:
        raise PydanticCustomError(
            "register", "layout {layout} needs {missing}", {"layout": layout, "missing": ", ".join(missing)}
        )
    for field in needed:
        number = getattr(model, field)
        if field != "roles" and (number <= 0 or (not field.endswith("_um") and number > 1000)):
            raise PydanticCustomError("register", "{field} must be positive and at most 1000", {"field": field})
    across = {"columns"} if layout == "cells" else set()
    known = {*SIZES, "n_traps"} & set(type(model).model_fields) - set(needed) - across
    for field in sorted(known):
        if getattr(model, field) is not None:
            raise PydanticCustomError("register", "layout {layout} has no {field}", {"layout": layout, "field": field})
