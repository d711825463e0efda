"""What the receiver answers: the status, the body in OTLP's words and when trying again helps."""

import asyncio
import gzip
import json
import socket
import zlib

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.otlp import chat, logs, metrics, new_trace_id, request_id, span, traces
from support.patience import WAIT_S

from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import RequestFilter

PROTOBUF = {"Content-Type": "application/x-protobuf"}
LIMIT = 200_000


@pytest.fixture
def settings():
    return CockpitSettings(min_free_bytes=0, max_body_bytes=LIMIT, max_queue_bytes=2 * LIMIT, allowed_hosts="app.example")


def status_of(answer):
    assert answer.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(answer.content)


async def listed(receiver):
    return [item.request_id for item in await receiver.store.requests(RequestFilter(), 500)]


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/traces", traces(span())), ("/v1/metrics", metrics(1, 2)), ("/v1/logs", logs(1)), ("/v1/traces", b"")]
)
def test_what_is_stored_is_answered_with_an_empty_success(receiver, path, body):
    answer = receiver.post(body, path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:7]) + gzip.compress(body[7:])),  # several members are one body
        ("gzip", lambda body: b""),
    ],
)
async def test_packed_bodies(receiver, encoding, pack):
    sent = chat()
    packed = pack(traces(sent))
    assert receiver.post(packed, Content_Encoding=encoding).status_code == 200
    assert await listed(receiver) == ([request_id(sent)] if packed else [])


async def test_partial_success_says_how_many_and_why(receiver):
    good = chat()
    answer = receiver.post(traces(good, chat(trace_id=b"short")))
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert "16 bytes" in partial.error_message
    assert await listed(receiver) == [request_id(good)]


@pytest.mark.parametrize("body", [b"\x0a\xff\xff", traces(chat())[:-5], b"\xff" * 100], ids=["too long a field", "cut", "noise"])
def test_400_for_what_is_no_protobuf(receiver, body):
    answer = receiver.post(body)
    assert (answer.status_code, status_of(answer).code) == (400, 3)
    assert "no OTLP traces request" in status_of(answer).message
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [b"not gzip at all", gzip.compress(traces(chat()))[:-12], gzip.compress(b"x") + b"trailing"],
    ids=["not gzip", "cut", "something behind it"],
)
def test_400_for_what_is_not_packed_as_it_says(receiver, body):
    answer = receiver.post(body, Content_Encoding="gzip")
    assert (answer.status_code, status_of(answer).code) == (400, 3)
    assert "gzip" in status_of(answer).message


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "application/x-protobuf-but-not"])
def test_415_for_another_media_type(receiver, media_type):
    answer = receiver.post(traces(chat()), Content_Type=media_type)
    assert answer.status_code == 415
    assert "send application/x-protobuf or application/json" in status_of(answer).message


def test_a_media_type_may_have_parameters(receiver):
    assert receiver.post(traces(chat()), Content_Type="Application/X-Protobuf; charset=binary").status_code == 200


def test_415_for_another_content_encoding(receiver):
    answer = receiver.post(b"x", Content_Encoding="br")
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, deflate")
    assert "br" in status_of(answer).message


def test_404_and_405_say_what_is_served(receiver):
    for method, path, expected in (("POST", "/", 404), ("POST", "/v1/trace", 404), ("GET", "/v1/traces", 405), ("PUT", "/v1/logs", 405)):
        answer = receiver.client.request(method, path)
        assert answer.status_code == expected
        assert "/v1/traces, /v1/metrics, /v1/logs" in status_of(answer).message
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
async def test_413_for_more_than_the_limit_however_it_is_packed(receiver, encoding):
    pack = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    within, beyond = (chat(more={"x": "y" * size}) for size in (LIMIT - 1_000, LIMIT))
    assert receiver.post(pack(traces(within)), Content_Encoding=encoding).status_code == 200
    answer = receiver.post(pack(traces(beyond)), Content_Encoding=encoding)
    assert (answer.status_code, status_of(answer).code) == (413, 3)
    assert "VENOM_OTEL_MAX_BODY_BYTES" in status_of(answer).message
    assert await listed(receiver) == [request_id(within)]


async def test_413_for_a_bomb_and_the_receiver_goes_on(receiver):
    bomb = gzip.compress(bytes(100_000_000))
    assert len(bomb) < LIMIT
    for _ in range(3):
        assert receiver.post(bomb, Content_Encoding="gzip").status_code == 413
    endless = b"".join(gzip.compress(b"") for _ in range(1_000))
    assert receiver.post(endless, Content_Encoding="gzip").status_code == 200
    sent = chat()
    assert receiver.post(traces(sent)).status_code == 200
    assert await listed(receiver) == [request_id(sent)]


def upload(receiver, size):
    """A connection that has sent `size` bytes of a larger body and goes on holding them."""
    host, _, port = receiver.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=WAIT_S)
    head = f"POST /v1/traces HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {size + 1}\r\n\r\n"
    connection.sendall(head.encode() + bytes(size))
    return connection


async def test_503_while_too_much_is_on_its_way_in_and_room_again_after(receiver):
    slow = [upload(receiver, LIMIT - 10) for _ in range(2)]
    sent = [chat(more={"x": "y" * 1_000}) for _ in range(1_000)]
    answers = [receiver.post(traces(one)) for one in sent[:1]]
    while answers[-1].status_code == 200:  # the two uploads are still being read
        answers.append(receiver.post(traces(sent[len(answers)])))
    assert (answers[-1].status_code, answers[-1].headers["retry-after"], status_of(answers[-1]).code) == (503, "1", 14)
    assert "try again" in status_of(answers[-1]).message
    for connection in slow:
        connection.close()
    last = chat()
    answer = receiver.post(traces(last))
    while answer.status_code == 503:  # until the receiver has noticed that they are gone
        answer = receiver.post(traces(last))
    assert answer.status_code == 200
    assert await listed(receiver) == [request_id(last), *(request_id(one) for one in reversed(sent[: len(answers) - 1]))]


async def test_senders_that_go_away_while_sending_harm_nobody(receiver):
    for _ in range(20):
        upload(receiver, 1_000).close()
    sent = chat()
    assert receiver.post(traces(sent)).status_code == 200
    assert await listed(receiver) == [request_id(sent)]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, 200),
        ("{own}", 200),
        ("https://app.example", 200),
        ("https://app.example:8443", 200),
        ("http://evil.example", 403),
        ("http://localhost:3000", 403),
        ("null", 403),
        ("", 403),
        ("http://[", 403),
        ("file://", 403),
    ],
)
async def test_pages_of_another_origin_may_not_send(receiver, origin, expected):
    headers = {} if origin is None else {"Origin": origin.format(own=receiver.url)}
    sent = chat()
    answer = receiver.post(traces(sent), **headers)
    assert answer.status_code == expected
    assert await listed(receiver) == ([request_id(sent)] if expected == 200 else [])
    if expected == 403:
        assert "VENOM_OTEL_ALLOWED_HOSTS" in status_of(answer).message


async def test_a_name_made_to_point_here_is_still_foreign(receiver):
    answer = receiver.post(traces(chat()), Host="evil.example:4318", Origin="http://evil.example:4318")
    assert answer.status_code == 403


# -- JSON ------------------------------------------------------------------------------------------------------------------------


def otlp_json(trace_id, span_id):
    """As the specification's examples write it."""
    said = {"llm.provider": {"stringValue": "ollama"}, "gen_ai.usage.input_tokens": {"intValue": "12"}}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "browser"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "js"},
                        "spans": [
                            {
                                "traceId": trace_id, "spanId": span_id, "parentSpanId": "", "name": "chat", "kind": 3,
                                "startTimeUnixNano": "1790000000000000001", "endTimeUnixNano": 1790000001000000001,
                                "attributes": [{"key": key, "value": value} for key, value in said.items()],
                                "status": {"code": 2, "message": "no"},
                                "links": [{"traceId": trace_id, "spanId": span_id.upper()}],
                                "aFieldOfTheFuture": [1, {"a": 2}],
                            }
                        ],
                    }
                ],
            }
        ]
    }  # fmt: skip


async def test_json(receiver):
    trace_id, span_id = new_trace_id().hex(), "eee19b7ec3c1b174"
    answer = receiver.client.post("/v1/traces", json=otlp_json(trace_id.upper(), span_id))
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", {})
    (found,) = await receiver.store.requests(RequestFilter(), 10)
    assert (found.request_id, found.service, found.provider, found.input_tokens) == (f"{trace_id}-{span_id}", "browser", "ollama", 12)
    assert (found.start_ns, found.duration_ns, found.error_message) == (1790000000000000001, 1_000_000_000, "no")


def test_json_answers_are_json(receiver):
    partial = receiver.client.post("/v1/traces", json=otlp_json("00", "11"))
    assert (partial.status_code, partial.json()["partialSuccess"]["rejectedSpans"]) == (200, "1")
    packed = gzip.compress(json.dumps({"resourceMetrics": []}).encode())
    assert receiver.post(packed, "/v1/metrics", Content_Type="application/json", Content_Encoding="gzip").json() == {}
    unpackable = receiver.post(b"{}", Content_Type="application/json", Content_Encoding="br")
    assert (unpackable.status_code, unpackable.json()["code"]) == (415, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"7", b"\xff", b'{"resourceSpans": 1}', b'{"resourceSpans": [{"scopeSpans": true}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "secret"}]}]}]}',
        json.dumps(otlp_json("not hexadecimal", "11")).encode(), json.dumps(otlp_json("00", "11")).replace('"00"', "5").encode(),
        b'{"\\ud83d": 1}', b'{"resourceSpans": ' * 5_000, b'{"resourceSpans":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)  # fmt: skip
def test_400_for_what_is_no_otlp_in_json(receiver, body):
    answer = receiver.post(body, Content_Type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert "no OTLP traces request in JSON" in answer.json()["message"]
    assert "secret" not in answer.text


async def test_many_connections_at_once(receiver):
    sent = [chat() for _ in range(100)]
    async with httpx.AsyncClient(
        base_url=receiver.url, headers={"Content-Type": "application/x-protobuf"}, timeout=WAIT_S, verify=False
    ) as client:
        answers = await asyncio.gather(*(client.post("/v1/traces", content=traces(one)) for one in sent))
    assert {answer.status_code for answer in answers} == {200}
    assert set(await listed(receiver)) == {request_id(one) for one in sent}
