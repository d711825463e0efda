"""A full disk: what comes is refused in words that make an exporter try again, reads go on, and it recovers by itself."""

import contextlib
import os
import shutil

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status
from support.cockpit import Cockpit
from support.otlp import chat, log_record, log_records, metrics, request_id, traces
from support.patience import WAIT_S
from support.small_disk import seen_by, unshare, within
from support.store_check import check_store

from venom_otel.receiver.grpc import SERVICES
from venom_otel.receiver.http import PATHS
from venom_otel.store.protocol import Signal

MIB = 1024 * 1024
BALLAST = 6 * MIB


class Sender:
    """Sends requests that hardly get smaller when they are packed, by both protocols in turn."""

    def __init__(self, cockpit, channel):
        self._cockpit = cockpit
        self._http = httpx.Client(base_url=cockpit.otlp, headers={"Content-Type": "application/x-protobuf"}, timeout=WAIT_S)
        self._exports = {signal: channel.unary_unary(f"/{service}/Export") for signal, service in SERVICES.items()}

    def close(self):
        self._http.close()

    def by_http(self, body, signal=Signal.TRACES):
        """None, or the status with which it was refused."""
        answer = self._http.post(PATHS[signal], content=body)
        if answer.status_code == 200:
            return None
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        return Status.FromString(answer.content)

    def by_grpc(self, body, signal=Signal.TRACES):
        """None, or the status with which it was refused."""
        try:
            self._exports[signal](body, timeout=WAIT_S)
        except grpc.RpcError as error:
            (details,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
            status = Status.FromString(details)
            assert status.details[0].type_url.endswith("RetryInfo")
            return status
        return None


def take(file, size):
    """Take room, at most so much."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as taken:
        for _ in range(size // 4096):
            taken.write(bytes(4096))


def large():
    return chat(more={"random": os.urandom(100_000)})


def listed(cockpit):
    answer = httpx.get(f"{cockpit.page}/api/v1/history/requests", params={"limit": 500}, timeout=WAIT_S)
    assert answer.status_code == 200
    return {item["request_id"] for item in answer.json()["items"]}


@pytest.mark.parametrize(
    ("size", "kept_free", "words"),
    [(24 * MIB, 0, "is full: nothing more is stored until room is made"), (80 * MIB, 64 * MIB, "VENOM_OTEL_MIN_FREE_BYTES")],
    ids=["to the last byte", "some room kept free"],
)
def test_no_room_and_room_again(tmp_path, size, kept_free, words):
    if not unshare():
        pytest.skip("needs a small file system: root, or unshare with user namespaces")
    data = tmp_path / "data"
    data.mkdir()
    cockpit = Cockpit(tmp_path, within=within(data, size), VENOM_OTEL_MIN_FREE_BYTES=str(kept_free))
    with cockpit, grpc.insecure_channel(cockpit.otlp_grpc.removeprefix("http://")) as channel:
        disk = seen_by(cockpit.process.pid, data)
        take(disk / "ballast", BALLAST)
        with contextlib.closing(Sender(cockpit, channel)) as sender:
            stored = []
            refused = None
            while refused is None:
                stored.append(large())
                send = sender.by_http if len(stored) % 2 else sender.by_grpc
                refused = send(traces(stored[-1]))
                assert len(stored) * 100_000 < size
            unsent = stored.pop()
            assert refused.code == 14
            assert words in refused.message
            take(disk / "rest", MIB)  # a small request might still have fitted
            # Everything else is refused as well, and what is there can be read, also by who comes only now.
            for send in (sender.by_http, sender.by_grpc):
                for signal, body in (
                    (Signal.TRACES, traces(large())),
                    (Signal.METRICS, metrics(1, 2, 3)),
                    (Signal.LOGS, log_records(log_record({"random": os.urandom(100_000)}))),
                ):
                    assert send(body, signal).code == 14
            assert listed(cockpit) == {request_id(one) for one in stored}
            trace = httpx.get(f"{cockpit.page}/api/v1/history/requests/{request_id(stored[0])}", timeout=WAIT_S)
            assert trace.status_code == 200
            # Room again, and no restart: as an exporter does, a little later.
            (disk / "ballast").unlink()
            (disk / "rest").unlink()
            assert sender.by_grpc(traces(unsent)) is None
            assert sender.by_http(metrics(1, 2, 3), Signal.METRICS) is None
            last = chat()
            assert sender.by_http(traces(last)) is None
        assert listed(cockpit) == {request_id(one) for one in (*stored, unsent, last)}
        # SQLite does not follow such a path; nothing is being written.
        for file in disk.glob("telemetry.sqlite3*"):
            shutil.copy(file, tmp_path)
        status, _, said = cockpit.stop()
    assert status == 0
    first, *more, last = [line for line in said.splitlines() if "the store's log cannot be moved into its file" not in line]
    assert (words in first, more, "telemetry is stored again" in last) == (True, [], True)
    check_store(tmp_path / "telemetry.sqlite3")
