"""A stand-in for a cloud: an HTTP server that speaks what `pasqal-cloud` speaks, and a plain connection to it.

Tokens, batches with jobs, their states, results behind links, lists in pages, devices. Jobs are played by Pulser's
emulator, the same outcome for the same sequence. Nothing here is a machine.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pulser
from pulser.backend import Results
from pulser.backend.remote import BatchStatus, JobStatus, RemoteConnection, RemoteResults

from tests.emulators.stand_in import evaluated

NOW = "2025-01-01T00:00:00.000000+00:00"
DEVICES = {"FRESNEL": pulser.AnalogDevice, "TRIAL": pulser.DigitalAnalogDevice}


class Cloud:
    """Batches and jobs of one project, and how the cloud misbehaves.

    `queue` looks find a batch pending, `queue` more running; `faults` answers the next requests whose method it names,
    as ("POST", 429); `failing` batches, by number, end with a job in error; `latency_s` passes before a batch is kept
    and again before its name is told.
    """

    def __init__(self, *, queue: int = 0, latency_s: float = 0.0, failing: Sequence[int] = ()) -> None:
        self.queue, self.latency_s, self.failing = queue, latency_s, failing
        self.faults: list[tuple[str, int]] = []
        self.url = ""
        self.batches: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self._outcomes: dict[tuple[Any, ...], dict[str, int]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Forget all batches, not what their sequences came to."""
        with self._lock:
            self.batches, self.jobs, self.looks = {}, {}, {}

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a batch."""
        time.sleep(self.latency_s)
        with self._lock:
            number = len(self.batches)
            name = f"00000000-0000-4000-8000-{number:012}"
            own = {"project_id": "project", "created_at": NOW, "updated_at": NOW}
            batch: dict[str, Any] = {
                **own, "id": name, "user_id": "user", "status": "PENDING", "jobs_count": len(body["jobs"]),
                "open": bool(body.get("open")), "complete": not body.get("open"), "tags": [],
                "device_type": body.get("device_type") or body.get("emulator") or "FRESNEL",
                "sequence_builder": body["sequence_builder"],
                "backend_configuration": body.get("backend_configuration"),
            }  # fmt: skip
            for i, job in enumerate(body["jobs"]):
                bad = number in self.failing and i == 0
                made: dict[str, Any] = {
                    **own,
                    "id": f"{name[:-1]}{i:x}-{number}",
                    "batch_id": name,
                    "status": "PENDING",
                    "bad": bad,
                }
                made |= {
                    "runs": job.get("runs"),
                    "variables": job.get("variables"),
                    "errors": ["atoms were lost"] * bad,
                }
                self.jobs[made["id"]] = made
            self.batches[name], self.looks[name] = batch, 0
        time.sleep(self.latency_s)
        return batch

    def look(self, name: str) -> dict[str, Any]:
        """Return a batch, one step further in the queue."""
        with self._lock:
            self.looks[name] += 1
            if self.looks[name] > self.queue:
                status = "RUNNING" if self.looks[name] <= 2 * self.queue else "DONE"
                self.batches[name]["status"] = status
                for job in self.jobs_of(name):
                    job["status"] = "ERROR" if job["bad"] and status == "DONE" else status
            return self.batches[name]

    def jobs_of(self, name: str) -> list[dict[str, Any]]:
        """Return the jobs of a batch."""
        return [job for job in self.jobs.values() if job["batch_id"] == name]

    def counter(self, job: Mapping[str, Any]) -> dict[str, int]:
        """Return how often each bit string came out of a job."""
        batch = self.batches[job["batch_id"]]
        runs = int(job["runs"])
        if batch["backend_configuration"]:
            observables = json.loads(batch["backend_configuration"])["observables"]
            runs = next(o["num_shots"] for o in observables if o["observable"] == "bitstrings")
        index = self.jobs_of(batch["id"]).index(dict(job))
        key = (batch["sequence_builder"], runs, index)
        with self._lock:
            if key not in self._outcomes:
                seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4], "big")
                result = evaluated(batch["sequence_builder"], runs, [seed])
                self._outcomes[key] = {str(bits): int(n) for bits, n in result.final_bitstrings.items()}
            return self._outcomes[key]


def handler_of(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests to a cloud."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def answer(self, status: int, data: Any) -> None:
            text = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if status == 429:
                self.send_header("Retry-After", "0")
            with suppress(ConnectionError):  # who asked was killed meanwhile
                self.end_headers()
                self.wfile.write(text)

        def fail(self, status: int) -> None:
            self.answer(status, {"status": "fail", "code": str(status), "message": "refused", "data": {}})

        def body(self) -> bytes:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(text) if self.headers.get("Content-Encoding") == "gzip" else text

        def do_POST(self) -> None:
            text = self.body()
            if self.path == "/oauth/token":
                known = parse_qs(text.decode()).get("password") == ["right"]
                token = {"access_token": "token", "expires_in": 3600}
                return self.answer(200 if known else 401, token if known else {"error": "invalid_grant"})
            if self.refused("POST"):
                return None
            return self.answer(201, {"status": "success", "data": cloud.create(json.loads(text))})

        def do_GET(self) -> None:
            parts = urlparse(self.path)
            where = parts.path.removeprefix("/core")
            if where.startswith("/stored/"):  # a link carries its own permission
                return self.answer(200, {"counter": cloud.counter(cloud.jobs[where.split("/")[2]])})
            if where == "/api/v1/devices/public-specs":
                specs = [{"device_type": n, "specs": d.to_abstract_repr()} for n, d in DEVICES.items()]
                return self.answer(200, {"status": "success", "data": specs})
            if self.refused("GET"):
                return None
            try:
                return self.answer(200, {"status": "success", **self.found(where, parse_qs(parts.query))})
            except KeyError:
                return self.fail(404)

        def refused(self, method: str) -> bool:
            if self.headers.get("Authorization") != "Bearer token":
                self.fail(401)
                return True
            if cloud.faults and cloud.faults[0][0] == method:
                self.fail(cloud.faults.pop(0)[1])
                return True
            return False

        def found(self, where: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
            match where.strip("/").split("/"):
                case ["api", "v1", "devices", "specs"]:
                    return {"data": {name: device.to_abstract_repr() for name, device in DEVICES.items()}}
                case ["api", "v1", "batches"]:
                    return self.page(list(cloud.batches.values())[::-1], query)
                case ["api", "v2", "jobs"]:
                    return self.page([j for name in query["batch_id"] for j in cloud.jobs_of(name)], query)
                case ["api", "v1" | "v2", "batches", name]:
                    return {"data": cloud.look(name)}
                case ["api", "v1" | "v2", "batches", name, "status"]:
                    return {"data": {"id": name, "status": cloud.look(name)["status"]}}
                case ["api", "v1" | "v2", "jobs", name, "status"]:
                    return {"data": {"id": name, "status": cloud.jobs[name]["status"]}}
                case ["api", "v1", "jobs", name, "results_link"]:
                    done = cloud.jobs[name]["status"] == "DONE"
                    return {"data": {"results_link": f"{cloud.url}/stored/{name}" if done else None}}
            raise KeyError(where)

        def page(self, items: list[Any], query: Mapping[str, list[str]]) -> dict[str, Any]:
            start = int(query.get("offset", ["0"])[0])
            end = min(start + int(query.get("limit", ["100"])[0]), len(items))
            return {"data": items[start:end], "pagination": {"total": len(items), "start": start, "end": end}}

    return Handler


@contextmanager
def served(cloud: Cloud) -> Iterator[Cloud]:
    """Answer requests to a cloud at its `url`, in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(cloud))
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class HttpConnection(RemoteConnection):
    """A plain connection to the stand-in.

    `unheard` and `unsent` are numbers of submissions whose answer is lost, and which never leave.
    """

    def __init__(self, url: str, *, unheard: int | None = None, unsent: int | None = None) -> None:
        self.url, self.unheard, self.unsent, self.sent = url, unheard, unsent, 0

    def call(self, path: str, body: Any = None) -> Any:
        """Return what the stand-in answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": "Bearer token"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def submit(self, sequence: Any, wait: bool = False, open: bool = False, batch_id: str | None = None,
               **kwargs: Any) -> RemoteResults:  # fmt: skip
        text = self._add_measurement_to_sequence(sequence).to_abstract_repr(skip_validation=True)
        self.sent += 1
        if self.sent - 1 == self.unsent:
            raise ConnectionError("the line is dead")
        batch = self.call("/core/api/v1/batches", {"sequence_builder": text, "jobs": kwargs["job_params"]})["data"]
        if self.sent - 1 == self.unheard:
            raise ConnectionError("the line died")
        return RemoteResults(batch["id"], self)

    def lookup(self, sequence: str, runs: int) -> list[str]:
        """Return the batches of a sequence whose jobs have so many shots in all."""
        found = [b["id"] for b in self.call("/core/api/v1/batches")["data"] if b["sequence_builder"] == sequence]
        return [name for name in found if sum(job["runs"] for job in self._jobs(name)) == runs]

    def _jobs(self, batch_id: str) -> list[dict[str, Any]]:
        return list(self.call(f"/core/api/v2/jobs?batch_id={batch_id}")["data"])

    def _get_job_ids(self, batch_id: str) -> list[str]:
        return [job["id"] for job in self._jobs(batch_id)]

    def _query_job_progress(self, batch_id: str) -> Mapping[str, tuple[JobStatus, Results | None]]:
        text = self.call(f"/core/api/v2/batches/{batch_id}")["data"]["sequence_builder"]
        made = pulser.Sequence.from_abstract_repr(text)
        found: dict[str, tuple[JobStatus, Results | None]] = {}
        for job in self._jobs(batch_id):
            link = self.call(f"/core/api/v1/jobs/{job['id']}/results_link")["data"]["results_link"]
            counts = self.call(link.removeprefix(self.url))["counter"] if link else None
            result = counts and Results.from_final_bitstrings(made.register.qubit_ids, made.get_duration(), counts)
            found[job["id"]] = (JobStatus[job["status"]], result)
        return found

    def _fetch_result(self, batch_id: str, job_ids: list[str] | None) -> Sequence[Results]:
        found = self._query_job_progress(batch_id)
        results = [found[name][1] for name in job_ids or found]
        if None in results:
            raise RuntimeError("a job has no results")
        return [result for result in results if result is not None]

    def _get_batch_status(self, batch_id: str) -> BatchStatus:
        return BatchStatus[self.call(f"/core/api/v2/batches/{batch_id}")["data"]["status"]]

    def fetch_available_devices(self) -> dict[str, pulser.devices.Device]:
        return dict(DEVICES)

    def supports_open_batch(self) -> bool:
        return False
