"""Open the store of a run: laid out anew, continued, or grown; another run's store is refused, and nothing written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rydberg_qmem.errors import RunError, StoreError
from rydberg_qmem.execute.identity import differences, fingerprint
from rydberg_qmem.execute.lock import is_locked, lock_of, locked, shard_locks
from rydberg_qmem.execute.regions import LEDGER, Layout, Regions, lay_out
from rydberg_qmem.execute.store import check_free, instead, is_record

if TYPE_CHECKING:
    import xarray as xr

SETUP_S = 120.0
"""How long shards wait for each other while one of them lays the store out."""


@dataclass(frozen=True)
class Order:
    """What a store is to hold: of which run, in which layout, with which provenance."""

    identity: Mapping[str, str]
    points: list[dict[str, float]]
    layout: Layout
    attrs: Mapping[str, Any]
    call: Mapping[str, Any]
    skeleton: Callable[[], xr.Dataset]


@contextmanager
def writing(place: Path, shard: tuple[int, int] | None) -> Iterator[None]:
    """Keep a store for one run alone, or for the shards of one run."""
    check_free(place, overwrite=True)
    part = "" if shard is None else f"shard-{shard[0]}-of-{shard[1]}"
    with locked(place, part):
        if shard is not None and is_locked(lock_of(place)):
            raise StoreError(f"{place}: another run is writing there ({lock_of(place).name}); wait until it ends")
        others = [p for p in shard_locks(place) if p != lock_of(place, part)]
        foreign = [p for p in others if shard is None or not p.name.endswith(f"-of-{shard[1]}")]
        if foreign:
            raise StoreError(f"{place}: shards of a run are writing there ({foreign[0].name}); wait until they end")
        yield


def open_for(order: Order, place: Path, *, overwrite: bool, shard: tuple[int, int] | None) -> Regions:
    """Return the store of a run, ready to be written to."""
    with locked(place, "setup", patience_s=SETUP_S):
        _recover(place)
        if overwrite or not place.exists():
            check_free(place, overwrite=overwrite)
            _swap_in(place, order, order.layout, keep=None)
            return Regions(place)
        regions = continued(place, order)
        if (regions.layout.points, regions.layout.shots) != (order.layout.points, order.layout.shots):
            if len(shard_locks(place)) > (shard is not None):
                raise StoreError(f"{place}: cannot grow while other shards are writing there; wait until they end")
            _grow(place, order, regions)
            return Regions(place)
        return regions


def stored_identity(place: Path) -> tuple[dict[str, str], list[dict[str, float]], dict[str, Any]]:
    """Return whose run a store holds: its identity, its points and the call that continues it."""
    if not is_record(place):
        raise StoreError(f"{place}: is not a record, so it will not be continued{instead(place)}")
    regions = _ledger_of(place)
    told = regions.ledger.attrs
    return json.loads(told["identity_json"]), json.loads(told["points_json"]), json.loads(told["call_json"])


def _ledger_of(place: Path) -> Regions:
    if not (place / LEDGER / "zarr.json").is_file():
        raise StoreError(
            f"{place}: is there already, and was saved whole, so no run continues it; choose another name, or "
            "overwrite it explicitly"
        )
    return Regions(place)


def continued(place: Path, order: Order) -> Regions:
    """Return a store that holds the beginning of a run; refuse another run's."""
    there, points, _ = stored_identity(place)
    asked, both = dict(order.identity), min(len(points), len(order.points))
    if points[:both] != order.points[:both]:
        there["points"], asked["points"] = json.dumps(points[:both]), json.dumps(order.points[:both])
    if there != asked:
        raise StoreError(
            f"{place}: holds another run, so it is not continued: {differences(there, asked)} (fingerprints "
            f"{fingerprint(there)[:16]} there, {fingerprint(asked)[:16]} asked); choose another name, or overwrite it "
            "explicitly"
        )
    regions = Regions(place)
    for what, held, wanted in (
        ("points", regions.layout.points, order.layout.points),
        ("shots", regions.layout.shots or 0, order.layout.shots or 0),
    ):
        if wanted < held:
            raise StoreError(f"{place}: holds {held} {what}, and a record only grows; {wanted} {what} asked")
    return regions


def _grow(place: Path, order: Order, old: Regions) -> None:
    """Make room for more shots or points; what is there stays, and the last cohort is run again if it was cut."""
    layout = replace(order.layout, first_shots=old.layout.first_shots)
    if layout.together != old.layout.together or layout.sums != old.layout.sums:
        raise StoreError(f"{place}: the new points have longer loops, so the record cannot grow; choose another name")
    _swap_in(place, order, layout, keep=old)


def _swap_in(place: Path, order: Order, layout: Layout, keep: Regions | None) -> None:
    new, old = _beside(place, "new"), _beside(place, "old")
    try:
        shutil.rmtree(new, ignore_errors=True)
        ledger = {f"{name}_json": json.dumps(getattr(order, name)) for name in ("identity", "points", "call")}
        lay_out(new, order.skeleton(), layout, attrs=order.attrs, ledger=ledger)
        if keep is not None:
            _take_over(keep, Regions(new))
        if place.exists():
            place.rename(old)
        new.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{place}: cannot be laid out ({error})") from None
    finally:
        _recover(place)


def _take_over(old: Regions, new: Regions) -> None:
    """Give a larger store the chunks of a smaller one, which have the same places."""
    for name, array in old.group.arrays():
        if "shot" in (array.metadata.dimension_names or ()) and name != "shot":
            grown = new.group[name]
            if _fixed(grown) != _fixed(array) or grown.chunks != array.chunks:
                raise StoreError(f"{old.place}: {name} would change its shape, so the record cannot grow")
            _link(old.place / name / "c", new.place / name / "c")
    for name in ("cohort_done", "sums"):
        _link(old.place / LEDGER / name / "c", new.place / LEDGER / name / "c")


def _fixed(array: Any) -> list[tuple[str, int]]:
    """Return the dimensions that cannot grow."""
    names = array.metadata.dimension_names
    return [(name, n) for name, n in zip(names, array.shape, strict=True) if name not in ("point", "shot")]


def _link(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target, copy_function=_linked, dirs_exist_ok=True)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
        return target
    except OSError:  # a file system without links
        return str(shutil.copy2(source, target))


def _beside(place: Path, what: str) -> Path:
    return place.parent / f".{place.name}.{what}"


def _recover(place: Path) -> None:
    """Put back what an interrupted exchange had moved away, and clear what it left."""
    if not place.exists() and _beside(place, "old").exists():
        _beside(place, "old").rename(place)
    for what in ("new", "old"):
        shutil.rmtree(_beside(place, what), ignore_errors=True)
