"""Alerts over a real store and real state, and model servers as the monitor sees them."""

from __future__ import annotations

import asyncio

from services.alerts.conftest import NOW_NS, until
from support import otlp
from support.acting import acting
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime

from venom_otel.errors import StoreError
from venom_otel.runtimes.model import Reading, Reason, State
from venom_otel.services.alerts import watch
from venom_otel.services.alerts.model import AlertKind, Subject, summary
from venom_otel.services.history import History

SUBJECT = Subject(AlertKind.PROVIDER_ERROR, "http://vllm:1/v1", "gemma-3-4b-it", "server_error")
STOPPED = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")


async def test_failures_are_one_alert_until_the_same_model_at_the_same_server_answers(rig):
    async with rig.running() as alerts:
        span = rig.failed(3)
        rig.send(rig.failed(1), rig.failed(2), span)
        (alert,) = await until(alerts, lambda found: found and found[0].count == 3)
        assert alert.subject == SUBJECT
        assert alert.newest.provider == "vllm"
        assert alert.newest.error_type == "500"
        assert alert.newest.words == "EngineCore encountered an issue."
        assert alert.newest.service == "chat-api"
        assert alert.newest.request_id == otlp.request_id(span)
        assert (alert.first_ns, alert.last_ns) == (NOW_NS + otlp.SECOND, NOW_NS + 3 * otlp.SECOND)
        rig.send(rig.answered(4, model="another"), rig.answered(4, provider="ollama"), rig.answered(2.5))
        rig.send(rig.failed(5, kind="timeout"))
        both = await until(alerts, lambda found: len(found) == 2)
        assert all(alert.active for alert in both), "none of these was that model at that server, afterwards"
        rig.send(rig.answered(6))
        both = await until(alerts, lambda found: not any(alert.active for alert in found))
        assert {alert.resolution for alert in both} == {"the same model at the same server has answered again"}


async def test_another_server_answers_until_the_first_does_again(rig):
    first = {"provider": "ollama", "model": "llama", "more": {"llm.route.fallback": False}}
    instead = {"provider": "openai", "model": "gpt-4o-mini", "more": {"llm.outcome": "ok", "llm.route.fallback": True}}
    async with rig.running() as alerts:
        rig.send(rig.answered(1, **first), rig.answered(1, provider="vllm"))
        span = rig.answered(3, **instead)
        rig.send(rig.answered(2, **instead), span)
        (alert,) = await until(alerts, lambda found: found and found[0].count == 2)
        assert alert.subject == Subject(AlertKind.FALLBACK, "http://openai:1/v1", "gpt-4o-mini", "")
        assert alert.newest.request_id == otlp.request_id(span)
        assert summary(alert) == "gpt-4o-mini at http://openai:1/v1 (openai) answers in another's place, 2 times"
        rig.send(rig.answered(4, provider="openai", model="gpt-4o-mini"), rig.answered(4, provider="vllm"))
        rig.send(rig.failed(5, provider="ollama", model="llama", kind="timeout"))
        await until(alerts, lambda found: len(found) == 2)
        assert all(each.active for each in alerts.all()), "none of these was the first of the servers"
        rig.send(rig.answered(6, **first))
        both = await until(alerts, lambda found: not any(each.active for each in found))
        assert {each.resolution for each in both} == {
            "the first of the servers has answered again",
            "the same model at the same server has answered again",
        }


async def test_of_many_models_that_answer_at_once_none_is_overlooked(rig, monkeypatch):
    monkeypatch.setattr(watch, "ANSWERS", 5)
    monkeypatch.setattr(watch, "ASKED", 1)
    models = [f"m{number}" for number in range(12)]
    async with rig.running() as alerts:
        rig.send(*(rig.failed(1, model=model) for model in models))
        await until(alerts, lambda found: len(found) == len(models))
        rig.send(*(rig.answered(2, model=model) for model in models for _ in range(3)))
        async with asyncio.timeout(WAIT_S):
            while any(alert.active for alert in alerts.all()):
                rig.send(rig.answered(3, model="another"))  # each arrival is a look; none of these is about a model that failed
                await asyncio.sleep(watch.PAUSE_S)


async def test_cancelled_and_abandoned_raise_none(rig):
    async with rig.running() as alerts:
        rig.send(*(rig.answered(1, more={"llm.outcome": outcome}) for outcome in ("cancelled", "abandoned")))
        rig.send(rig.failed(2, model="last"))
        (alert,) = await until(alerts, lambda found: found)
        assert alert.subject.model == "last"


async def test_requests_of_other_instrumentations_count_too(rig):
    said = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "error.type": "timeout"}
    async with rig.running() as alerts:
        rig.send(otlp.span(said | {"server.address": "api.openai.com"}, status=2, start_ns=NOW_NS))
        (alert,) = await until(alerts, lambda found: found)
    assert alert.subject == Subject(AlertKind.PROVIDER_ERROR, "api.openai.com", "gpt-4o", "timeout")


async def test_another_start_knows_what_was_and_counts_nothing_twice(rig):
    rig.send(*(rig.failed(number / 1000) for number in range(700)))
    async with rig.running() as alerts:
        (alert,) = await until(alerts, lambda found: found and found[0].count == 700)
        noted = await alerts.acknowledge(alert.id, "page")
        assert noted is not None
        assert await alerts.acknowledge("nothing", "page") is None
    rig.send(rig.failed(2))
    async with rig.running() as alerts:
        (again,) = await until(alerts, lambda found: found and found[0].count == 701)
        assert (again.id, again.acknowledged_by, again.acknowledged_ns) == (alert.id, "page", NOW_NS)
        rig.send(rig.answered(3))
        await until(alerts, lambda found: not found[0].active)
    async with rig.running() as alerts:
        assert [each.active for each in alerts.all()] == [False]


async def test_what_was_long_before_the_first_start_raises_none(rig):
    rig.send(rig.failed(-7200))
    rig.send(rig.failed(-60, model="lately"))
    async with rig.running() as alerts:
        found = await until(alerts, lambda found: found)
    assert [alert.subject.model for alert in found] == ["lately"]


async def test_a_server_that_goes_offline_and_comes_back(rig, tmp_path):
    played = Servers(runtime())
    with played.monitor() as monitor, acting(tmp_path / "acting", monitor) as parts:
        async with rig.running(parts.servers) as alerts:
            played.wait_for(lambda: played.heard)
            played.readings["vllm"] = STOPPED
            (alert,) = await until(alerts, lambda found: found)
            assert alert.subject == Subject(AlertKind.SERVER_OFFLINE, "http://127.0.0.1:8001/v1", "", "")
            assert (alert.newest.provider, alert.newest.error_type, alert.newest.words) == ("vllm", "refused", "nobody listens there")
            del played.readings["vllm"]
            (alert,) = await until(alerts, lambda found: not found[0].active)
            assert alert.resolution == "the server takes requests again"
            assert alert.count == 1


async def test_a_server_that_starts_neither_raises_nor_ends_an_alert(rig, tmp_path):
    played = Servers(runtime())
    played.readings["vllm"] = Reading(State.LOADING, Reason.LOADING, "it loads its model")
    with played.monitor() as monitor, acting(tmp_path / "acting", monitor) as parts:
        async with rig.running(parts.servers) as alerts:
            played.wait_for(lambda: played.heard)
            rig.send(rig.failed(1))
            (alert,) = await until(alerts, lambda found: found)
            assert alert.subject.kind is AlertKind.PROVIDER_ERROR


async def test_a_server_that_somebody_stopped_raises_none(rig, tmp_path):
    played = Servers(runtime(), runtime("other", "http://127.0.0.1:8002/v1"))
    played.readings = {"vllm": STOPPED, "other": STOPPED}
    with played.monitor() as monitor, acting(tmp_path / "acting", monitor) as parts:
        async with rig.running(parts.servers, meant=lambda name: name == "vllm") as alerts:
            played.wait_for(lambda: len({look.server.runtime.name for look in played.heard}) == 2)
            found = await until(alerts, lambda found: found)
            assert [alert.subject.endpoint for alert in found] == ["http://127.0.0.1:8002/v1"]


class Stumbling(History):
    """Its store cannot be read now and then."""

    reads = 0

    async def requests(self, *arguments, **more):
        self.reads += 1
        if self.reads in {3, 9, 12}:
            raise StoreError("the disk is gone")
        return await super().requests(*arguments, **more)


async def test_a_store_that_stumbles_counts_nothing_twice(rig, monkeypatch):
    monkeypatch.setattr(watch, "TICK_S", 0.01)
    monkeypatch.setattr(watch, "PAUSE_S", 0.01)
    monkeypatch.setattr(watch, "STEP", 10, raising=False)
    rig.history = Stumbling(rig.store)
    rig.send(*(rig.failed(number / 1000) for number in range(25)), rig.failed(1, model="last"))
    async with rig.running() as alerts:
        found = await until(alerts, lambda found: "last" in {alert.subject.model for alert in found})
    assert {alert.subject.model: alert.count for alert in found} == {"gemma-3-4b-it": 25, "last": 1}


async def test_a_crash_counts_nothing_twice(rig, monkeypatch):
    """What was not kept before it is counted anew."""
    async with rig.running() as alerts:
        rig.send(rig.failed(1))
        await until(alerts, lambda found: found)
        with monkeypatch.context() as crash:
            crash.setattr(alerts, "_save", lambda: None)
            rig.send(rig.failed(2), rig.failed(3))
            await until(alerts, lambda found: found[0].count == 3)
            crash.setattr(type(alerts), "_save", lambda _: None)
            async with rig.running() as again:
                (alert,) = await until(again, lambda found: found and found[0].count == 3)
                assert alert == alerts.all()[0]


async def test_a_state_that_cannot_be_written_costs_no_alert(rig, caplog, monkeypatch):
    monkeypatch.setattr(watch, "SAVE_S", 0.0)
    async with rig.running() as alerts:
        with rig.state_refuses():
            rig.send(rig.failed(1))
            await until(alerts, lambda found: found)
            rig.send(rig.failed(2))
            await until(alerts, lambda found: found[0].count == 2)
        assert sum("alerts are not kept" in record.getMessage() for record in caplog.records) == 1
        rig.send(rig.failed(3))
        await until(alerts, lambda found: found[0].count == 3)
    async with rig.running() as alerts:
        assert [alert.count for alert in alerts.all()] == [3]


async def test_waiting_ends_with_the_program(rig):
    async with rig.running() as alerts:
        with alerts.changes() as changes:
            asyncio.get_running_loop().call_soon(alerts.end_waiting)
            assert [each async for each in changes] == []
