"""What is sent to a webhook, over a real socket: the body, the signature, and what happens when nobody takes it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from services.alerts.conftest import NOW_NS, until
from standardwebhooks import Webhook as Verifier
from support.patience import WAIT_S
from support.reserved import kept_port

from venom_otel.errors import SettingsError
from venom_otel.services.alerts.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE = "http://127.0.0.1:8765"
SECRET = "whsec_" + base64.b64encode(b"a secret of the test's own......").decode()


class Receiver:
    """Takes webhooks: answers with the statuses it is given, then with 200."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.times: list[float] = []
        """When each came, before it was answered."""
        self.port = kept_port(self)
        self._came = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/T0KEN-in-the-path"

    async def bodies(self, number: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(WAIT_S), self._came:
            await self._came.wait_for(lambda: len(self.got) >= number)
        return [json.loads(body) for _, body in self.got]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.times.append(asyncio.get_running_loop().time())
            status, more = self.answers.pop(0) if self.answers else (200, {})
            said = "".join(f"{name}: {value}\r\n" for name, value in more.items())
            writer.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{said}content-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
            async with self._came:
                self.got.append((headers, body))
                self._came.notify_all()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    await one.begin()
    yield one
    await one.end()


@contextlib.asynccontextmanager
async def following(webhook, alerts):
    task = asyncio.create_task(webhook.follow(alerts))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def quick(url, secret=""):
    return Webhook(url, secret, page=PAGE, first_pause_s=0.01, group_s=0.05)


def said(body):
    return [(alert["status"], alert["labels"]["llm_model"]) for alert in body["alerts"]]


async def test_alertmanagers_body_signed(rig, receiver):
    async with rig.running() as alerts, following(quick(receiver.url, SECRET), alerts):
        rig.send(rig.failed(1), rig.failed(2))
        (body,) = await receiver.bodies(1)
        (alert,) = alerts.all()
        headers, raw = receiver.got[0]
        assert Verifier(SECRET).verify(raw.decode(), headers) == body
        labels = {
            "alertname": "llm_provider_error",
            "severity": "critical",
            "llm_provider": "vllm",
            "llm_model": "gemma-3-4b-it",
            "llm_endpoint": "http://vllm:1/v1",
            "llm_error_kind": "server_error",
        }
        assert body == {
            "version": "4",
            "groupKey": '{}:{receiver="venom-otel"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "venom-otel",
            "groupLabels": {},
            "commonLabels": labels,
            "commonAnnotations": {},
            "externalURL": PAGE,
            "alerts": [
                {
                    "status": "firing",
                    "labels": labels,
                    "annotations": {
                        "summary": "gemma-3-4b-it at http://vllm:1/v1 (vllm): server_error, 2 times",
                        "description": "EngineCore encountered an issue.",
                        "count": "2",
                        "trace_id": alert.newest.trace_id,
                    },
                    "startsAt": "2027-01-15T08:00:01.000Z",
                    "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": f"{PAGE}/requests/{alert.newest.request_id}",
                    "fingerprint": alert.subject.fingerprint,
                }
            ],
        }
        rig.now_ns = NOW_NS + 60_000_000_000
        rig.send(rig.answered(3))
        ended = (await receiver.bodies(2))[1]
        assert ended["status"] == "resolved"
        assert ended["alerts"][0]["endsAt"] == "2027-01-15T08:01:00.000Z"
        assert ended["alerts"][0]["annotations"]["resolution"] == "the same model at the same server has answered again"


async def test_a_secret_of_any_kind_and_none(rig, receiver):
    plain = "any words at all"
    async with rig.running() as alerts:
        rig.send(rig.failed(1))
        await until(alerts, lambda found: found)
        for number, secret in enumerate((plain, ""), 1):
            async with following(quick(receiver.url, secret), alerts):
                await receiver.bodies(number)
    (signed, raw), (unsigned, _) = receiver.got
    assert Verifier(base64.b64encode(plain.encode()).decode()).verify(raw.decode(), signed)
    assert not [name for name in unsigned if name.startswith("webhook-")]


async def test_many_failures_are_told_once(rig, receiver):
    async with rig.running() as alerts, following(quick(receiver.url), alerts):
        for number in range(5):
            rig.send(*(rig.failed(number + part / 100) for part in range(20)))
            await until(alerts, lambda found, seen=20 * (number + 1): found and found[0].count == seen)
        await receiver.bodies(1)
        rig.send(rig.failed(10, model="another"))
        bodies = await receiver.bodies(2)
    assert [said(body) for body in bodies] == [[("firing", "gemma-3-4b-it")], [("firing", "another")]]


@pytest.mark.parametrize("status", [500, 503, 429, 408, 425])
async def test_what_was_not_taken_is_sent_again_as_things_are_then(rig, receiver, status):
    receiver.answers = [(status, {})] * 3
    async with rig.running() as alerts, following(quick(receiver.url), alerts):
        rig.send(rig.failed(1))
        await receiver.bodies(1)
        rig.send(rig.failed(2), rig.failed(2, model="another"))
        bodies = await receiver.bodies(4)
    assert said(bodies[0]) == [("firing", "gemma-3-4b-it")]
    assert ("firing", "gemma-3-4b-it") in said(bodies[3])


async def test_an_address_that_is_away_gets_what_holds_when_it_is_back(rig, receiver):
    await receiver.end()
    async with rig.running() as alerts, following(quick(receiver.url), alerts):
        rig.send(rig.failed(1), rig.failed(1, model="another"))
        await until(alerts, lambda found: len(found) == 2)
        rig.send(rig.answered(2))
        await until(alerts, lambda found: not all(alert.active for alert in found))
        await receiver.begin()
        (body,) = await receiver.bodies(1)
    assert said(body) == [("firing", "another")], "nobody need hear of what began and ended unheard"


async def test_the_wait_that_is_asked_for_is_kept(rig, receiver):
    receiver.answers = [(429, {"Retry-After": "1"})]
    async with rig.running() as alerts, following(quick(receiver.url), alerts):
        rig.send(rig.failed(1))
        await receiver.bodies(2)
    refused, again = receiver.times
    assert again - refused >= 1


async def test_a_refusal_is_said_once_and_its_address_is_not_shown(rig, receiver, caplog):
    receiver.answers = [(404, {})]
    async with rig.running() as alerts, following(quick(receiver.url), alerts):
        rig.send(rig.failed(1))
        await receiver.bodies(1)
        rig.send(rig.failed(2, model="another"))
        bodies = await receiver.bodies(2)
    assert said(bodies[1]) == [("firing", "another")], "what was refused is not sent for ever"
    (record,) = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert "(404)" in record
    assert "VENOM_OTEL_WEBHOOK_URL" in record
    assert "T0KEN" not in caplog.text


async def test_it_ends_with_the_program(rig, receiver):
    async with rig.running() as alerts, following(quick(receiver.url), alerts) as task:
        rig.send(rig.failed(1))
        await receiver.bodies(1)
        alerts.end_waiting()
        async with asyncio.timeout(WAIT_S):
            await task


@pytest.mark.parametrize("url", ["", "hooks.example.com", "ftp://x/y", "http://", "https://[::1"])
def test_an_address_that_is_none(url):
    with pytest.raises(SettingsError, match="VENOM_OTEL_WEBHOOK_URL"):
        Webhook(url, page=PAGE)


def test_a_secret_that_is_no_base64():
    with pytest.raises(SettingsError, match="VENOM_OTEL_WEBHOOK_SECRET"):
        Webhook("http://x/y", "whsec_!", page=PAGE)
