"""Payloads that were damaged on the way: always an OTLP answer, never a crash, never a neighbour lost."""

import asyncio
import random

import httpx
import pytest
from google.rpc.status_pb2 import Status
from support.otlp import SECOND, chat, logs, metrics, new_trace_id, request_id, span, traces

from venom_otel.store.protocol import RequestFilter

PROTOBUF = {"Content-Type": "application/x-protobuf"}
ROUNDS = 25
EACH = 24
RICH = {"text": "words", "list": ["a", 1], "map": {"a": {"b": 1.5}}, "bytes": b"\x00", "gen_ai.usage.input_tokens": 12}


def originals():
    parent = chat(more=RICH, status=2, message="failed", events={"exception": {"exception.message": "why"}})
    return [
        ("/v1/traces", traces(parent, span(RICH, parent=parent), chat("vllm", "b"))),
        ("/v1/metrics", metrics(*(SECOND * number for number in range(5)))),
        ("/v1/logs", logs(*(SECOND * number for number in range(5)), trace_id=new_trace_id())),
    ]


def mutated(body, dice):
    """One of the ways in which bytes go wrong, or several."""
    raw = bytearray(body)
    for _ in range(dice.choice([1, 1, 1, 3, 10])):
        at = dice.randrange(len(raw)) if raw else 0
        match dice.randrange(7):
            case 0:
                raw[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                raw[at : at + 1] = bytes([(raw[at] if raw else 0) ^ (1 << dice.randrange(8))])
            case 2:
                del raw[at:]
            case 3:
                del raw[at : at + dice.randrange(1, 20)]
            case 4:
                raw[at:at] = dice.randbytes(dice.randrange(1, 20))
            case 5:
                raw[at:at] = raw[at : at + dice.randrange(1, 200)]
            case 6:
                raw[at : at + 9] = b"\xff" * 9
    return bytes(raw)


@pytest.mark.parametrize("seed", range(3))
async def test_mutated_payloads(receiver, seed):
    dice = random.Random(seed)
    good = []
    codes: dict[int, int] = {}
    async with httpx.AsyncClient(
        base_url=receiver.url, headers={"Content-Type": "application/x-protobuf"}, timeout=60, verify=False
    ) as client:
        for _ in range(ROUNDS):
            sources = originals()
            sends = []
            for _ in range(EACH):
                path, body = dice.choice(sources)
                sends.append(client.post(path, content=mutated(body, dice)))
            neighbours = [chat(trace_id=new_trace_id()) for _ in range(3)]
            good += neighbours
            for one in neighbours:
                sends.insert(dice.randrange(len(sends)), client.post("/v1/traces", content=traces(one)))
            for answer in await asyncio.gather(*sends):
                codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
                assert answer.headers["content-type"] == "application/x-protobuf"
                if answer.status_code != 200:
                    assert Status.FromString(answer.content).message
    assert set(codes) == {200, 400}, codes
    listed = set()
    before = None
    while page := await receiver.store.requests(RequestFilter(before=before), 500):
        listed |= {item.request_id for item in page}
        before = page[-1].sequence
    assert {request_id(one) for one in good} <= listed
    for item in listed:  # whatever was accepted can also be read
        trace_id, span_id = item.split("-")
        assert span_id in {found.span_id for found in await receiver.store.trace(trace_id)}
    for one in good:
        assert await receiver.store.request(one.trace_id.hex(), one.span_id.hex()) is not None
