"""Registers by Pulser's own constructors: coordinates, or a named layout."""

from __future__ import annotations

from itertools import combinations
from math import dist
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.extensions import extension
from rydberg_qmem.language.html import register_table
from rydberg_qmem.language.models import Model
from rydberg_qmem.language.positions import FARTHEST_UM, Position, centred, positions_of
from rydberg_qmem.language.traps import SIZES, Traps, check_sizes
from rydberg_qmem.language.values import Name, OrderedFrozenDict, OrderedMapping, VariableName

Layout = Literal[
    "rectangle", "square", "rectangular_lattice", "triangular_lattice", "triangular", "hexagon", "max_connectivity",
    "cubic", "cuboid", "cells",
]  # fmt: skip
MOST_ATOMS = 1000
_NEEDS: dict[str, tuple[str, ...]] = {
    "rectangle": ("rows", "columns", "spacing_um"),
    "square": ("side", "spacing_um"),
    "rectangular_lattice": ("rows", "columns", "row_spacing_um", "col_spacing_um"),
    "triangular": ("rows", "columns", "spacing_um"),
    "triangular_lattice": ("rows", "columns", "spacing_um"),
    "hexagon": ("layers", "spacing_um"),
    "max_connectivity": ("n_qubits", "spacing_um"),
    "cubic": ("side", "spacing_um"),
    "cuboid": ("rows", "columns", "layers", "spacing_um"),
    "cells": ("units", "roles", "spacing_um", "between_um"),
}


class Register(Model):
    """Where the atoms are (µm): `atoms: {name: [x, y]}`, a layout of Pulser's with its sizes, or chosen `traps`.

    The layout `cells` places `units` memristor units, one atom for each of the `roles` in a row with `spacing_um`,
    the units below each other (or `columns` of them side by side) with `between_um` between nearest atoms. With
    `traps`, `trap_ids` says which trap holds which atom: the mapping that a mappable register of Pulser's is built
    with. Coordinates may have three numbers.

    >>> Register(atoms={"s": (0, 0), "a": (5, 0)}).names
    ('s', 'a')
    >>> Register(layout="rectangle", rows=1, columns=3, spacing_um=5).names
    ('q0', 'q1', 'q2')
    >>> Register(layout="cells", units=2, roles=["s", "a"], spacing_um=5, between_um=40).names
    ('s0', 'a0', 's1', 'a1')
    >>> Register(traps={"layout": "triangular_lattice", "n_traps": 61, "spacing_um": 5}, trap_ids={"s": 30}).names
    ('s',)
    """

    atoms: OrderedMapping[VariableName, Position] | None = Field(
        None, description="Places (µm), two or three coordinates, by atom."
    )
    layout: Layout | None = Field(
        None, description="A layout, in place of atoms; which sizes it needs is told when one is missing."
    )
    rows: int | None = Field(None, description="Rows of a rectangular or triangular layout, or of a cuboid.")
    columns: int | None = Field(None, description="Columns of one; of `cells`, units side by side.")
    side: int | None = Field(None, description="Atoms along the side of a square or cube.")
    layers: int | None = Field(None, description="Layers of a hexagon or cuboid.")
    n_qubits: int | None = Field(None, description="Atoms of `max_connectivity`.")
    units: int | None = Field(None, description="Units of `cells`.")
    roles: tuple[VariableName, ...] | None = Field(None, description="Atoms of one unit of `cells`, by their roles.")
    spacing_um: float | None = Field(None, description="Distance (µm) of neighbours.")
    row_spacing_um: float | None = Field(None, description="Distance (µm) of rows.")
    col_spacing_um: float | None = Field(None, description="Distance (µm) of columns.")
    between_um: float | None = Field(None, description="Distance (µm) between units of `cells`.")
    traps: Traps | None = Field(None, description="Traps, some of which hold the atoms.")
    trap_ids: OrderedMapping[VariableName, int] | None = Field(None, description="Numbers of the traps by atom.")
    prefix: Name | None = Field(None, description="What names begin with; `q` by default.")
    given_names: tuple[VariableName, ...] | None = Field(
        default=None, alias="names", description="In files `names`: the atoms' names, in place of prefix and number."
    )

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        if not type(value).__module__.startswith("pulser."):
            return value
        if hasattr(value, "build_register"):
            raise PydanticCustomError("register", "must be built first: a mappable register has no atoms in traps yet")
        if not hasattr(value, "qubits"):
            return value
        if value.layout is None:
            return {"atoms": positions_of(value)}
        trap_ids = dict(zip(positions_of(value), map(int, value._layout_info.trap_ids), strict=True))
        return {"traps": value.layout, "trap_ids": trap_ids}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if [self.atoms, self.layout, self.traps].count(None) != 2:
            raise PydanticCustomError("register", "must give one of atoms, a layout or traps")
        if (self.traps is None) != (self.trap_ids is None):
            raise PydanticCustomError("register", "traps and trap_ids go together")
        if self.layout is None:
            self._check_unused()
        if self.traps is not None:
            self._check_traps(self.traps)
        elif self.layout is not None:
            self._check_layout(self.layout)
        elif not self.atoms:
            raise PydanticCustomError("register", "must hold at least one atom")
        elif len(self.atoms) > MOST_ATOMS:
            raise PydanticCustomError("register", "must hold at most {most} atoms", {"most": MOST_ATOMS})
        if len(self.positions) > 1:
            self._check_coincident()
        return self

    def _check_unused(self) -> None:
        """Refuse what only a layout has, with atoms or traps."""
        for name in (*SIZES, "prefix", "given_names"):
            if getattr(self, name) is not None:
                field = "names" if name == "given_names" else name
                raise PydanticCustomError("register", "{field} goes with a layout only", {"field": field})

    def _check_traps(self, traps: Traps) -> None:
        ids = list((self.trap_ids or {}).values())
        count = traps.to_pulser().number_of_traps
        if not ids or len(set(ids)) < len(ids) or not all(0 <= number < count for number in ids):
            rule = "trap_ids must be different numbers from 0 to {last}"
            raise PydanticCustomError("register", rule, {"last": count - 1})

    def _check_layout(self, layout: str) -> None:
        check_sizes(self, layout, _NEEDS[layout])
        if self.roles is not None and (not self.roles or len(set(self.roles)) < len(self.roles)):
            raise PydanticCustomError("register", "roles must be different names")
        if _count(self) > MOST_ATOMS:
            raise PydanticCustomError("register", "must hold at most {most} atoms", {"most": MOST_ATOMS})
        count = _count(self)
        if self.given_names is not None and (len(self.given_names) != count or len(set(self.given_names)) != count):
            raise PydanticCustomError("register", "names must give {count} different names", {"count": count})

    def _check_coincident(self) -> None:
        items = list(self.positions.items())
        if len({len(place) for _, place in items}) > 1:
            raise PydanticCustomError("register", "atoms must all have two or all have three coordinates")
        if not all(abs(x) <= FARTHEST_UM for _, place in items for x in place):
            raise PydanticCustomError("register", "coordinates must lie within {most} µm", {"most": f"{FARTHEST_UM:g}"})
        for (one, p), (two, q) in combinations(items, 2):
            if dist(p, q) < 1e-6:
                raise PydanticCustomError(
                    "register", "atoms {one} and {two} must not stand at one place", {"one": one, "two": two}
                )

    @property
    def positions(self) -> OrderedFrozenDict[str, Position]:
        """Coordinates (µm) by atom name, in register order."""
        if self.atoms is not None:
            return OrderedFrozenDict(self.atoms)
        if self.traps is not None:
            return OrderedFrozenDict(positions_of(self.to_pulser()))
        places = _layout_positions(self)
        return OrderedFrozenDict(dict(zip(self._layout_names(len(places)), places, strict=True)))

    def _layout_names(self, count: int) -> tuple[str, ...]:
        if self.given_names is not None:
            return self.given_names
        if self.roles is not None:
            return tuple(f"{role}{unit}" for unit in range(self.units or 0) for role in self.roles)
        return tuple(f"{self.prefix or 'q'}{i}" for i in range(count))

    @property
    def names(self) -> tuple[str, ...]:
        """The atoms' names, in register order."""
        return tuple(self.positions)

    def __repr__(self) -> str:
        names, places = self.names, self.positions
        shown = ", ".join(names if len(names) <= 6 else (*names[:5], "…"))
        dimensions = len(next(iter(places.values())))
        return f"Register({len(names)} atom{'s' * (len(names) != 1)} in {dimensions}D: {shown})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return register_table(self.positions)

    def draw(self, **options: Any) -> Any:
        """Draw the register and return matplotlib's axes; options are those of `plots.register`.

        They are `ax`, `rabi` (rad/µs) and `device`, which set the blockade radius, and `roles` of atoms by name.
        """
        return extension("draw")(self, **options)

    def to_pulser(self) -> Any:
        """Return the `pulser.Register` (or `Register3D`) of these coordinates, not re-centred, or of these traps."""
        import pulser

        if self.traps is not None:
            trap_ids = self.trap_ids or {}
            return self.traps.to_pulser().define_register(*trap_ids.values(), qubit_ids=tuple(trap_ids))
        positions = dict(self.positions)
        three = len(next(iter(positions.values()))) == 3
        return (pulser.Register3D if three else pulser.Register)(positions)


def _count(register: Register) -> int:
    """Return how many atoms a layout has, without placing them."""
    match register.layout:
        case "square":
            return (register.side or 1) ** 2
        case "cubic":
            return (register.side or 1) ** 3
        case "cuboid":
            return (register.rows or 1) * (register.columns or 1) * (register.layers or 1)
        case "hexagon":
            return 1 + 3 * (register.layers or 1) * ((register.layers or 1) + 1)
        case "max_connectivity":
            return register.n_qubits or 1
        case "cells":
            return (register.units or 1) * len(register.roles or ())
        case _:
            return (register.rows or 1) * (register.columns or 1)


def _layout_positions(register: Register) -> list[Position]:
    """Return the atoms' places, their mean at the origin."""
    spacing = register.spacing_um or 1.0
    rows, columns, side = register.rows or 1, register.columns or 1, register.side or 1
    match register.layout:
        case "rectangle":
            return centred([(c * spacing, r * spacing) for r in range(rows) for c in range(columns)])
        case "square":
            return centred([(c * spacing, r * spacing) for r in range(side) for c in range(side)])
        case "rectangular_lattice":
            dx, dy = register.col_spacing_um or 1.0, register.row_spacing_um or 1.0
            return centred([(c * dx, r * dy) for r in range(rows) for c in range(columns)])
        case "cells":
            return centred(_cells(register))
        case _:
            return list(positions_of(_made_by_pulser(register, spacing)).values())


def _cells(register: Register) -> list[Position]:
    """Return units of atoms in rows; `between_um` counts from the last atom of one unit to the first of the next."""
    spacing, between, roles = register.spacing_um or 1.0, register.between_um or 1.0, len(register.roles or ())
    across, step = register.columns or 1, (roles - 1) * spacing + between
    return [
        (unit % across * step + role * spacing, -(unit // across) * between)
        for unit in range(register.units or 1)
        for role in range(roles)
    ]


def _made_by_pulser(register: Register, spacing: float) -> Any:
    import pulser

    match register.layout:
        case "triangular" | "triangular_lattice":
            return pulser.Register.triangular_lattice(
                register.rows or 1, register.columns or 1, spacing=spacing, prefix="q"
            )
        case "hexagon":
            return pulser.Register.hexagon(register.layers or 1, spacing=spacing, prefix="q")
        case "max_connectivity":
            return pulser.Register.max_connectivity(
                register.n_qubits or 1, pulser.MockDevice, spacing=spacing, prefix="q"
            )
        case "cubic":
            return pulser.Register3D.cubic(register.side or 1, spacing=spacing, prefix="q")
        case "cuboid":
            sizes = register.rows or 1, register.columns or 1, register.layers or 1
            return pulser.Register3D.cuboid(*sizes, spacing=spacing, prefix="q")
        case _:
            raise AssertionError(f"layout {register.layout} is placed above")
