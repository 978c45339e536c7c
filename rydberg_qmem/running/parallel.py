"""Who does the work of a run: processes here, a cluster's workers, or one of several runs that share it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rydberg_qmem.arguments import refuse, values, whole
from rydberg_qmem.errors import InputError


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
            shard("shard", self.shard)


def shard(name: str, value: Any) -> tuple[int, int]:
    """Take a share of the work: `(i, N)`, or the command line's `i/N`; InputError, by name, for anything else.

    >>> shard("shard", (1, 4)), shard("shard", "1/4")
    ((1, 4), (1, 4))
    """
    parts = [int(one) for one in re.findall(r"[0-9]{1,9}", value)] if _is_share(value) else value
    try:
        i, n = values(whole(1))(name, parts)
    except (ValueError, InputError):
        raise refuse(name, "(i, N) with i from 1 to N, or the text 'i/N'", value) from None
    if i > n:
        raise refuse(name, "(i, N) with i from 1 to N, or the text 'i/N'", value)
    return i, n


def _is_share(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*/\s*[0-9]{1,9}\s*", value) is not None


def cluster(name: str, value: Any) -> Any:
    """Take a Dask client that is connected; InputError, by name, for anything else."""
    parts = ("submit", "scheduler_info", "cancel")
    if isinstance(value, type) or not all(callable(getattr(value, part, None)) for part in parts):
        raise refuse(name, "a dask.distributed.Client (pip install 'rydberg_qmem[dask]')", value)
    if getattr(value, "status", "running") in ("closed", "closing"):
        raise refuse(name, "a client that is connected, but this one is closed", value)
    return value


def shard_of(text: str | None) -> tuple[int, int] | None:
    """Return `i/N` as two numbers; no text is no shard.

    >>> shard_of("2/8")
    (2, 8)
    """
    if text is None:
        return None
    return shard("--shard", text)
