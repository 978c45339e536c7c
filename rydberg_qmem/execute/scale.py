"""Who does the work of a run: processes here, a cluster's workers, or one of several runs that share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rydberg_qmem.errors import InputError, short


@dataclass(frozen=True)
class Scale:
    """Who does the work: processes here, the workers of a Dask client, or one shard of several runs."""

    workers: int = 1
    client: Any = None
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.client is not None and self.workers != 1:
            raise InputError("workers and client exclude each other: the client's cluster says how many there are")
        if self.shard is not None:
            i, n = self.shard
            if not 1 <= i <= n:
                raise InputError(f"shard: must be (i, N) with i from 1 to N ({self.shard})")


def shard_of(text: str | None) -> tuple[int, int] | None:
    """Return `i/N` as two numbers; no text is no shard.

    >>> shard_of("2/8")
    (2, 8)
    """
    if text is None:
        return None
    first, sign, last = text.partition("/")
    if not (sign and first.strip().isdigit() and last.strip().isdigit() and 1 <= int(first) <= int(last)):
        raise InputError(f"--shard: must be i/N with i from 1 to N ({short(text)})")
    return int(first), int(last)
