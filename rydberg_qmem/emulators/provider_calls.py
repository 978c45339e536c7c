"""Calls to Pulser and to providers: what they refuse, and what nobody knows, is said in this project's errors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from rydberg_qmem.emulators.journal import Journal, Ticket
from rydberg_qmem.errors import CapabilityError, QmemError, RunError, StoreError


def calling(place: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call Pulser; say what it refuses at its place."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)
    except QmemError:
        raise
    except (ValueError, TypeError) as error:
        raise CapabilityError(f"{place}: {error}") from None
    except Exception as error:  # networks and providers fail in their own ways
        raise RunError(f"{place}: {type(error).__name__}: {error}") from error


def job_ids(remote: Any) -> list[str]:
    """Return a provider's names of the jobs of a batch, none where a connection does not tell."""
    try:
        return [str(job) for job in remote.job_ids]
    except NotImplementedError:
        return []


def unsure(journal: Journal, ticket: Ticket, new: Sequence[str] = ()) -> StoreError:
    """Return the error for a job whose submission was cut short, and which may be any of the provider's new batches."""
    began = f"{journal.path}: {ticket}: the last run was stopped while it submitted this job, "
    if new:
        return StoreError(f"{began}and the provider has {len(new)} new batches of its sequence: {', '.join(new)}")
    return StoreError(
        f"{began}so it may be on its way; look among the provider's batches, and submit it again with resubmit=True if "
        "it is not there"
    )
