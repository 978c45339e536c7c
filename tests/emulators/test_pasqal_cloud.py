"""Programs through `pasqal-cloud`'s own connection, against a stand-in that speaks its protocol: no machine ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pulser
import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.pulser_backend import PulserBackend
from rydberg_qmem.errors import RunError
from tests.emulators.cloud import Cloud, served
from tests.emulators.test_pulser_backend import ALPHA_Z, analog, one_round, pulse, worst_gap

pasqal_cloud = pytest.importorskip("pasqal_cloud")
pytestmark = pytest.mark.filterwarnings("ignore:.*SDK version.*:DeprecationWarning", "ignore::ResourceWarning")
MEASURE = {"measure": {"atoms": "all", "key": "m"}}


def connected(cloud: Cloud, password: str = "right") -> Any:
    from pasqal_cloud.endpoints import Endpoints, TokenProviderConf
    from pasqal_cloud.pasqal_cloud_connection import PasqalCloudConnection

    token = TokenProviderConf(f"{cloud.url}/oauth/token", "client", "audience", "realm", "password")
    there = Endpoints(core=f"{cloud.url}/core", account=f"{cloud.url}/account")
    return PasqalCloudConnection("user", password, "project", endpoints=there, auth_config=token)


def backend(cloud: Cloud, folder: Path | None = None, kind: str = "QPUBackend", **options: Any) -> PulserBackend:
    from pasqal_cloud import backends

    found = pulser.QPUBackend if kind == "QPUBackend" else getattr(backends, kind)
    connection = connected(cloud)

    def lookup(sequence: str, runs: int) -> list[str]:
        batches = connection.cloud_client.get_batches().results
        return [batch.id for batch in batches if batch.sequence_builder == sequence]

    return PulserBackend(found, connection=connection, journal=folder, poll_s=0, lookup=lookup, **options)


@pytest.mark.parametrize("kind", ["QPUBackend", "RemoteEmuFreeBackend"])
def test_a_memristor_follows_its_law_through_the_providers_own_connection(tmp_path: Path, kind: str) -> None:
    with served(Cloud(queue=1)) as cloud:
        record = rq.run(analog(), shots=1000, seed=3, emulator=backend(cloud, tmp_path, kind))

        assert len(cloud.batches) == 8
    assert worst_gap(record) < ALPHA_Z


def test_more_shots_than_a_device_allows_are_as_many_on_an_emulator_of_the_cloud() -> None:
    with served(Cloud()) as cloud:
        record = rq.run(
            one_round(pulse(), MEASURE), shots=4500, seed=3, emulator=backend(cloud, None, "RemoteEmuFreeBackend")
        )

        assert len(cloud.jobs) == 1
    assert record.sizes["shot"] == 4500


def test_throttled_and_failing_requests_are_made_again_by_the_providers_client(tmp_path: Path) -> None:
    with served(Cloud()) as cloud:
        cloud.faults = [("POST", 429), ("GET", 429), ("GET", 429), ("GET", 500)]
        record = rq.run(one_round(pulse(), MEASURE), shots=50, seed=3, emulator=backend(cloud, tmp_path))

        assert len(cloud.batches) == 1
    assert not cloud.faults
    assert np.all(record.m == 1)


def test_a_job_in_error_is_our_error_at_its_round_and_a_wrong_password_the_providers(tmp_path: Path) -> None:
    with served(Cloud(failing=[0])) as cloud:
        with pytest.raises(RunError, match=r"cohort 0: .*Results are not available for all jobs"):
            rq.run(one_round(pulse(), MEASURE), shots=50, seed=3, emulator=backend(cloud, tmp_path))
        with pytest.raises(Exception, match="401"):
            connected(cloud, "wrong")


def test_a_submission_whose_answer_was_lost_is_found_through_the_providers_list(tmp_path: Path) -> None:
    with served(Cloud()) as cloud:
        first = backend(cloud, tmp_path)
        first.journal.write = lambda ticket, entry, write=first.journal.write: (  # type: ignore[method-assign, misc]
            write(ticket, entry) if entry.state == "submitting" else (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            rq.run(one_round(pulse(), MEASURE), shots=50, seed=3, emulator=first)

        rq.run(one_round(pulse(), MEASURE), shots=50, seed=3, emulator=backend(cloud, tmp_path))

        assert len(cloud.batches) == 1


def test_the_clouds_devices_are_those_that_programs_are_checked_against() -> None:
    with served(Cloud()) as cloud:
        device = connected(cloud).fetch_available_devices()["FRESNEL"]

    assert rq.qpu_report(analog(), device).runnable
