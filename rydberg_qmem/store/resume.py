"""Open the store of a run: laid out anew, continued, grown or mended; another run's store is refused, untouched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import RunError, StoreError
from rydberg_qmem.store.contents import Contents, contents, is_record
from rydberg_qmem.store.creation import RecordColumn, lay_out
from rydberg_qmem.store.exchange import SETUP, SETUP_S, beside, exchange, recover, store_path
from rydberg_qmem.store.growth import take_over
from rydberg_qmem.store.identity import differences, fingerprint
from rydberg_qmem.store.lock import is_locked, lock_of, locked, shard_locks
from rydberg_qmem.store.record_layout import RecordLayout
from rydberg_qmem.store.regions import Regions
from rydberg_qmem.store.store import check_free, instead
from rydberg_qmem.store.verify import sound


@dataclass(frozen=True)
class Order:
    """What a store is to hold: of which run, in which layout, with which provenance."""

    identity: Mapping[str, str]
    points: list[dict[str, float]]
    layout: RecordLayout
    attrs: Mapping[str, Any]
    call: Mapping[str, Any]
    columns: Callable[[], list[RecordColumn]]


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
    """Return the store of a run, ready to be written to; what is damaged in it is made anew."""
    with locked(place, SETUP, patience_s=SETUP_S):
        recover(place)
        if overwrite or not place.exists():
            check_free(place, overwrite=overwrite)
            return _swap_in(place, order, order.layout)
        held = continued(place, order)
        done, faults = sound(held)
        layout = held.layout
        grown = (layout.points, layout.shots) != (order.layout.points, order.layout.shots)
        if not grown and not faults and held.sealed:
            return Regions(place, held)
        if len(shard_locks(place)) > (shard is not None):
            what = "grow" if grown else f"be mended ({faults[0] if faults else 'an early version wrote it'})"
            raise StoreError(f"{place}: cannot {what} while other shards are writing there; wait until they end")
        return _grow(place, order, held, done)


def stored_identity(path: str | Path) -> tuple[dict[str, str], list[dict[str, float]], dict[str, Any]]:
    """Return whose run a store holds: its identity, its points and the call that continues it."""
    told = of_a_run(path).told or {}
    return told["identity"], told["points"], told["call"]


def of_a_run(path: str | Path) -> Contents:
    """Return what lies in the store of a run; StoreError if it is none."""
    place = store_path(path)
    if not is_record(place):
        raise StoreError(f"{path}: is not a record, so it will not be continued{instead(place)}")
    held = contents(place)
    if held.told is None:
        raise StoreError(
            f"{path}: is there already, and was saved whole, so no run continues it; choose another name, or "
            "overwrite it explicitly"
        )
    return held


def continued(place: Path, order: Order) -> Contents:
    """Return a store that holds the beginning of a run; refuse another run's."""
    held = of_a_run(place)
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
    for what, had, wanted in (
        ("points", held.layout.points, order.layout.points),
        ("shots", held.layout.shots or 0, order.layout.shots or 0),
    ):
        if wanted < had:
            raise StoreError(f"{place}: holds {had} {what}, and a record only grows; {wanted} {what} asked")
    return held


def _grow(place: Path, order: Order, old: Contents, done: NDArray[np.bool_]) -> Regions:
    """Make room for more shots or points; what is there stays, and the last cohort is run again if it was cut."""
    had = old.layout
    layout = replace(order.layout, first_shots=had.first_shots, points_together=had.points_together)
    if layout.together != had.together or layout.sums != had.sums:
        raise StoreError(f"{place}: the new points have longer loops, so the record cannot grow; choose another name")
    return _swap_in(place, order, layout, old, done)


def _swap_in(
    place: Path,
    order: Order,
    layout: RecordLayout,
    keep: Contents | None = None,
    done: NDArray[np.bool_] | None = None,
) -> Regions:
    new = beside(place, "new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        ledger = {f"{name}_json": json.dumps(getattr(order, name)) for name in ("identity", "points", "call")}
        spent = 0.0 if keep is None or keep.seal is None else keep.seal.spent_s
        lay_out(new, order.columns(), layout, attrs=order.attrs, ledger=ledger, spent_s=spent)
        if keep is not None and done is not None:
            take_over(keep, Regions(new), done)
        exchange(new, place)
    except OSError as error:
        raise RunError(f"{place}: cannot be laid out ({error})") from None
    finally:
        recover(place)
    return Regions(place)
