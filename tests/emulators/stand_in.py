"""A stand-in for a provider: Pulser's RemoteConnection on a folder, whose jobs are evaluated by Pulser's emulator."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pulser
from pulser.backend import BitStrings, EmulationConfig, Results
from pulser.backend.remote import BatchStatus, JobStatus, RemoteConnection, RemoteResults
from pulser.sampler import sample
from pulser_simulation import QutipBackendV2

ONE = {"ground-rydberg": "r", "digital": "h"}


def evaluated(text: str, runs: int, seed: list[int]) -> Results:
    """Return what Pulser's emulator makes of a sequence, sampled with a seed of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sequence = pulser.Sequence.from_abstract_repr(text)
        basis = json.loads(text)["measurement"]
        used = sample(sequence).used_bases
        if used and basis not in used:  # an emulator without that level, whose atoms are never in it
            zeros = {"0" * len(sequence.register.qubit_ids): runs}
            return Results.from_final_bitstrings(sequence.register.qubit_ids, sequence.get_duration(), zeros)
        one: Any = ONE[basis] if len(used) > 1 else None
        np.random.seed(seed)  # noqa: NPY002  # Pulser's emulator samples with the global generator
        config: Any = EmulationConfig(observables=[BitStrings(num_shots=runs, one_state=one)])
        return QutipBackendV2(sequence, config=config).run()


class FolderConnection(RemoteConnection):
    """Keeps each batch as a file, so that another process finds it; evaluates it when its result is fetched.

    After `dies_after` submissions the process ends, as by a kill; after `fails_after` the network does.
    """

    def __init__(
        self, folder: Path, *, seed: int = 0, dies_after: int | None = None, fails_after: int | None = None
    ) -> None:
        self.folder, self.seed, self.dies_after, self.fails_after = folder, seed, dies_after, fails_after
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def batches(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def submit(
        self,
        sequence: Any,
        wait: bool = False,
        open: bool = False,
        batch_id: str | None = None,
        **kwargs: Any,
    ) -> RemoteResults:
        count = len(self.batches)
        if count == self.dies_after:
            os._exit(9)
        if count == self.fails_after:
            raise ConnectionError("the line is dead")
        sequence = self._add_measurement_to_sequence(sequence)
        runs = [job["runs"] for job in kwargs["job_params"]]
        text = sequence.to_abstract_repr(skip_validation=True)
        (self.folder / f"batch{count:04}.json").write_text(json.dumps({"runs": runs, "sequence": text}))
        return RemoteResults(f"batch{count:04}", self)

    def _stored(self, batch_id: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / f"{batch_id}.json").read_text()))

    def _get_job_ids(self, batch_id: str) -> list[str]:
        return [f"{batch_id}-{i}" for i in range(len(self._stored(batch_id)["runs"]))]

    def _fetch_result(self, batch_id: str, job_ids: list[str] | None) -> Sequence[Results]:
        stored = self._stored(batch_id)
        return [
            evaluated(stored["sequence"], runs, [self.seed, int(batch_id[5:]), i])
            for i, runs in enumerate(stored["runs"])
        ]

    def _query_job_progress(self, batch_id: str) -> Mapping[str, tuple[JobStatus, Results | None]]:
        results = self._fetch_result(batch_id, None)
        return {
            name: (JobStatus.DONE, result) for name, result in zip(self._get_job_ids(batch_id), results, strict=True)
        }

    def _get_batch_status(self, batch_id: str) -> BatchStatus:
        return BatchStatus.DONE if (self.folder / f"{batch_id}.json").exists() else BatchStatus.ERROR

    def fetch_available_devices(self) -> dict[str, pulser.devices.Device]:
        return {"fresnel": pulser.AnalogDevice, "trial": pulser.DigitalAnalogDevice}

    def supports_open_batch(self) -> bool:
        return False
