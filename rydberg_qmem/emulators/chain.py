"""A matrix-product state and what one asks of it: look at an atom, collapse, reset, reduce, compare.

Built on emu-mps's `MPS`: its factors (left bond, level, right bond) and its orthogonality center. Operations return
new chains; only the gauge of a chain, which has no meaning, moves when it is asked something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import GROUND_FIRST, State, ground_first

SAME = 1e-12
"""Infidelity up to which two states are one."""


@dataclass(frozen=True, eq=False)
class Chain:
    """A normalised state of the whole register, with what its history has cost.

    `sites` are the atoms in the order of the tensors; `truncated` adds up the weight that truncations dropped, and
    `largest_bond` is the largest bond dimension that the history came through.
    """

    mps: Any
    sites: tuple[int, ...]
    levels: tuple[str, ...]
    largest_bond: int = 1
    truncated: float = 0.0

    @cached_property
    def site_of(self) -> dict[int, int]:
        """Return the tensor of each atom."""
        return {atom: site for site, atom in enumerate(self.sites)}

    @cached_property
    def marks(self) -> tuple[float, ...]:
        """Overlaps with two fixed product states, which tell most states apart."""
        scale = 2.0 ** (len(self.sites) / 2)
        return tuple(round(scale * abs(_product_overlap(self, seed)), 9) for seed in (1, 2))

    def with_factor(self, site: int, factor: Any) -> Chain:
        """Return the chain with the tensor at the orthogonality center replaced."""
        factors = list(self.mps.factors)
        factors[site] = factor
        return replace(self, mps=matrix_product(factors, self, center=site))


def matrix_product(factors: list[Any], like: Chain, *, center: int | None) -> Any:
    """Return an emu-mps `MPS` of some factors with the settings of another."""
    from emu_mps import MPS

    old = like.mps
    return MPS(
        factors,
        orthogonality_center=center,
        precision=old.precision,
        max_bond_dim=old.max_bond_dim,
        eigenstates=old.eigenstates,
    )


def ground(sites: tuple[int, ...], levels: tuple[str, ...], *, precision: float, max_bond_dim: int, gpu: bool) -> Chain:
    """Return the chain with every atom in its ground level."""
    from emu_mps import MPS

    mps = MPS.make(len(sites), precision=precision, max_bond_dim=max_bond_dim, gpu=gpu, eigenstates=levels)
    return Chain(mps, sites, levels)


def chance(chain: Chain, atom: int, level: str) -> float:
    """Return the probability of finding an atom in a level."""
    site = chain.site_of[atom]
    chain.mps.orthogonalize(site)
    return min(float(chain.mps.factors[site][:, GROUND_FIRST[level], :].norm()) ** 2, 1.0)


def collapsed(chain: Chain, atom: int, level: str) -> Chain:
    """Return the normalised chain after an atom was found in a level."""
    site, place = chain.site_of[atom], GROUND_FIRST[level]
    chain.mps.orthogonalize(site)
    kept = chain.mps.factors[site][:, place, :]
    factor = chain.mps.factors[site].new_zeros(chain.mps.factors[site].shape)
    factor[:, place, :] = kept / kept.norm()
    return chain.with_factor(site, factor)


def moved(chain: Chain, atom: int, before: str, after: str) -> Chain:
    """Return the chain with an atom that is known to be in one level put into another."""
    if before == after:
        return chain
    site = chain.site_of[atom]
    chain.mps.orthogonalize(site)
    old = chain.mps.factors[site]
    factor = old.new_zeros(old.shape)
    factor[:, GROUND_FIRST[after], :] = old[:, GROUND_FIRST[before], :]
    return chain.with_factor(site, factor)


def with_phase(chain: Chain, atom: int, level: str, angle: float) -> Chain:
    """Return the chain with the amplitudes of a level of an atom multiplied by exp(i angle)."""
    site = chain.site_of[atom]
    chain.mps.orthogonalize(site)
    factor = chain.mps.factors[site].clone()
    factor[:, GROUND_FIRST[level], :] *= complex(np.exp(1j * angle))
    return chain.with_factor(site, factor)


def excitations(chain: Chain) -> NDArray[np.float64]:
    """Return the probability of the upper level of each site."""
    upper = chain.mps.factors[0].new_zeros(1, 2, 2)
    upper[0, 1, 1] = 1.0
    return np.asarray(chain.mps.expect_batch(upper)[:, 0].real.cpu().numpy(), dtype=float)


def reduced(chain: Chain, atoms: Sequence[int]) -> State:
    """Return the density matrix (2^m, 2^m) of some atoms, in the order given and in the program's level order."""
    import torch

    where = [chain.site_of[atom] for atom in atoms]
    first, last = min(where), max(where)
    chain.mps.orthogonalize(first)
    bond = chain.mps.factors[first].shape[0]
    here = chain.mps.factors[first]
    edge = torch.eye(bond, dtype=here.dtype, device=here.device).reshape(1, 1, bond, bond)
    for site in range(first, last + 1):
        factor = chain.mps.factors[site]
        half = torch.einsum("pqab,asc->pqbsc", edge, factor)
        if site in where:
            edge = torch.einsum("pqbsc,btd->psqtcd", half, factor.conj())
            rows, columns = edge.shape[0] * edge.shape[1], edge.shape[2] * edge.shape[3]
            edge = edge.reshape(rows, columns, *edge.shape[4:])
        else:
            edge = torch.einsum("pqbsc,bsd->pqcd", half, factor.conj())
    rho = np.asarray(torch.einsum("pqcc->pq", edge).cpu().numpy())
    return _in_order(rho, where, chain.levels)


def _in_order(rho: State, where: list[int], levels: tuple[str, ...]) -> State:
    """Return a density matrix whose atoms follow the sites with its atoms in the order given, levels turned."""
    count = len(where)
    place = {site: k for k, site in enumerate(sorted(where))}
    axes = [place[site] for site in where]
    grid = rho.reshape((2,) * (2 * count)).transpose([*axes, *(count + k for k in axes)])
    square = grid.reshape(2**count, 2**count)
    return ground_first(ground_first(square, levels).T, levels).T


def merged(one: Chain, two: Chain) -> Chain | None:
    """Return one chain for two that are equal up to a phase, with the larger cost of both; else None."""
    if one is two:
        return one
    if 1.0 - float(one.mps.overlap(two.mps)) > SAME:
        return None
    larger = max(one.largest_bond, two.largest_bond)
    return replace(one, largest_bond=larger, truncated=max(one.truncated, two.truncated))


def _product_overlap(chain: Chain, seed: int) -> complex:
    import torch

    rng = np.random.Generator(np.random.Philox(seed))
    marks = rng.uniform(0.5, 1.0, (len(chain.sites), 2)) * np.exp(2j * np.pi * rng.random((len(chain.sites), 2)))
    edge = chain.mps.factors[0].new_ones(1)
    for factor, mark in zip(chain.mps.factors, torch.as_tensor(marks, device=edge.device), strict=True):
        edge = torch.einsum("a,asb,s->b", edge, factor, mark)
    return complex(edge[0])


def without_sites(state: Chain, level_of: dict[int, int]) -> list[Any]:
    """Return the factors of the other sites, those left out contracted into their neighbours."""
    made: list[Any] = []
    waiting: Any = None
    for site, factor in enumerate(state.mps.factors):
        if site in level_of:
            matrix = factor[:, level_of[site], :]
            waiting = matrix if waiting is None else waiting @ matrix
        else:
            made.append(factor if waiting is None else _times(waiting, factor))
            waiting = None
    if waiting is not None:
        made[-1] = (made[-1] @ waiting).contiguous()
    return made


def _times(matrix: Any, factor: Any) -> Any:
    import torch

    return torch.tensordot(matrix, factor, dims=1).contiguous()


def with_sites(factors: list[Any], count: int, level_of: dict[int, int]) -> list[Any]:
    """Return factors for all sites again: those left out pass the bond through in their level."""
    import torch

    made: list[Any] = []
    others = iter(factors)
    for site in range(count):
        if site in level_of:
            bond = made[-1].shape[2] if made else 1
            factor = factors[0].new_zeros(bond, 2, bond)
            factor[:, level_of[site], :] = torch.eye(bond, dtype=factor.dtype, device=factor.device)
            made.append(factor)
        else:
            made.append(next(others))
    return made
