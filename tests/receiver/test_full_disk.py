"""A disk with too little room: refused in words that an exporter retries, reads go on, and it recovers by itself."""

import contextlib
import os
import shutil

import pytest
from google.rpc.status_pb2 import Status
from support.otlp import chat, request_id, traces

from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import RequestFilter

MARGIN = 512 * 1024 * 1024


@pytest.fixture
def settings(tmp_path):
    """What is free now is enough, with a margin for what others do on this disk meanwhile."""
    free = shutil.disk_usage(tmp_path).free
    if free < 4 * MARGIN:
        pytest.skip("needs 2 GiB of free disk space")
    return CockpitSettings(min_free_bytes=free - MARGIN)


@contextlib.contextmanager
def ballast(path, size):
    """Room that is taken for a while."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for _ in range(size // MARGIN):
                file.write(bytes(MARGIN))
        os.fsync(file.fileno())
        try:
            yield
        finally:
            file.truncate(0)
    path.unlink()


async def test_too_little_room_and_room_again(receiver, tmp_path, caplog):
    first, refused, last = chat(), chat(), chat()
    assert receiver.post(traces(first)).status_code == 200
    with ballast(tmp_path / "ballast", 2 * MARGIN):
        answers = [receiver.post(traces(refused)) for _ in range(3)]
        answer = answers[-1]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert int(answer.headers["retry-after"]) > 0
        status = Status.FromString(answer.content)
        assert status.code == 14
        assert "VENOM_OTEL_MIN_FREE_BYTES" in status.message
        assert [item.request_id for item in await receiver.store.requests(RequestFilter(), 10)] == [request_id(first)]
        assert len(await receiver.store.trace(first.trace_id.hex())) == 1
    assert receiver.post(traces(refused)).status_code == 200  # as an exporter would, a little later
    assert receiver.post(traces(last)).status_code == 200
    listed = [item.request_id for item in await receiver.store.requests(RequestFilter(), 10)]
    assert listed == [request_id(last), request_id(refused), request_id(first)]
    said = [record.getMessage() for record in caplog.records if record.name.startswith("venom_otel")]
    assert said == [status.message, "telemetry is stored again"]
