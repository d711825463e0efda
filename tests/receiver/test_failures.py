"""A mistake of ours, or a store that is gone: still an answer in OTLP's words, and the log says why."""

from concurrent.futures import Future

import grpc
import pytest
from google.rpc.status_pb2 import Status
from support.otlp import chat, traces


class MistakeError(Exception):
    """What no code here expects."""


def fails_by_raising(*_):
    raise MistakeError


def fails_later(*_):
    future = Future()
    future.set_exception(MistakeError())
    return future


@pytest.mark.parametrize("write", [fails_by_raising, fails_later])
def test_a_mistake_of_ours(receiver, rpc, monkeypatch, caplog, write):
    monkeypatch.setattr(receiver.store, "write", write)
    answer = receiver.post(traces(chat()))
    status = Status.FromString(answer.content)
    assert (answer.status_code, answer.headers["content-type"], status.code) == (500, "application/x-protobuf", 13)
    assert "retry-after" not in answer.headers
    with pytest.raises(grpc.RpcError) as caught:
        rpc.export(traces(chat()))
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INTERNAL, status.message)
    assert "log says why" in status.message
    logged = [record for record in caplog.records if record.name == "venom_otel.receiver.service"]
    assert [record.exc_info[0] for record in logged] == [MistakeError, MistakeError]
    monkeypatch.undo()
    assert receiver.post(traces(chat())).status_code == 200
    assert rpc.export(traces(chat())) == b""


def test_a_store_that_is_closed_may_be_back_soon(receiver, rpc):
    receiver.store.close()
    answer = receiver.post(traces(chat()))
    assert (answer.status_code, answer.headers["retry-after"], Status.FromString(answer.content).code) == (503, "2", 14)
    with pytest.raises(grpc.RpcError) as caught:
        rpc.export(traces(chat()))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
