"""Whatever of the recording of a routed call raises, it is routed, answered and refused as it is without."""

import gc
import logging

import pytest
from semantic_kernel import Kernel
from support import behaviours, dialects, drive
from support.app import OLLAMA, OPENAI, flushed, watch
from support.drive import Target
from support.faults import GUARDS, WORDS, broken, name_of, reached
from support.routing import services_for

import venom_otel
from venom_otel.instrumentation import guard
from venom_otel.routing import Policy
from venom_otel.testing import Capture

pytestmark = pytest.mark.usefixtures("in_production")

RECORDING = ("routed", "recorder", "invocation", "metrics", "records", "semantic_kernel.hooks", "semantic_kernel.scopes", "deadline.passed")
"""Of the package's functions, those that only record; routing itself is made of the others."""

ENTRIES = {
    f"instrumentation.routed.{name}"
    for name in ("call_of", *(f"RoutedCall.{name}" for name in ("goes_on", "trying", "provider_of", "chunk", "succeed", "fail", "_end")))
}
"""Where the application's path enters it; they catch what is raised below them."""

STORIES = {
    "ok": (drive.plain, behaviours.answers(), behaviours.answers()),
    "fallback": (drive.plain, behaviours.refuses(dialects.FAILED), behaviours.answers()),
    "too slow": (drive.plain, behaviours.hangs(), behaviours.answers()),
    "refused by all": (drive.plain, behaviours.refuses(dialects.FAILED), behaviours.refuses(dialects.FAILED)),
    "left": (drive.aclose, behaviours.hangs(after=2), behaviours.answers()),
    "cancelled": (drive.cancelled, behaviours.hangs(after=2), behaviours.answers()),
}
POSSIBLE = [(story, stream) for story in STORIES for stream in (False, True) if {"left": stream, "too slow": not stream}.get(story, True)]
"""A call cannot be left; and waiting for as many time limits again would show nothing new."""


class Knows:
    """Nothing: each run is routed like the one before."""

    def begin(self, target, *, anyway=False):
        return None

    def answered(self, target):
        """Nothing is remembered."""

    failed = left = lambda self, *_: None


async def run(story, target, servers):
    act, first, second = STORIES[story]
    servers[OPENAI].play(first)
    servers[OLLAMA].play(second)
    seen = await watch(lambda seen: act(target, seen))
    for [(_, content, _)] in seen.results:
        content["metadata"].pop("llm_provider", None)  # known only where it is recorded
    for connector in (OPENAI, OLLAMA):
        seen.received(servers[connector].requests)
    return seen


@pytest.mark.parametrize(("story", "stream"), POSSIBLE, ids=[f"{story}-{'stream' if stream else 'call'}" for story, stream in POSSIBLE])
async def test_any_function_that_records_may_raise(story, stream, servers, urls, limits_pass_when_asked, caplog):
    capture = Capture()
    limit_s = 0.25 if story == "too slow" else None
    async with services_for({OPENAI: urls[OPENAI], OLLAMA: urls[OLLAMA]}) as services:
        service = venom_otel.fallback(services, policy=Policy(attempt_timeout_s=limit_s), availability=Knows())
        kernel = Kernel(services=[service])
        target = Target(OPENAI, service, kernel, servers[OPENAI], stream)
        bare = await run(story, target, servers)
        gc.collect()
        caplog.set_level(logging.WARNING)
        with venom_otel.instrument(kernel, **capture.telemetry) as handle:
            await run(story, target, servers)
            await flushed(handle)  # from now on it is known who answers, and calls are recorded on their own path
            with reached() as functions:
                assert await run(story, target, servers) == bare
            hit, suffered = [], []
            for function in functions:
                name = name_of(function)
                if name in GUARDS | ENTRIES or not name.removeprefix("instrumentation.").startswith(RECORDING):
                    continue
                guard._last_report.clear()
                caplog.clear()
                with broken(function) as raised:
                    seen = await run(story, target, servers)
                if raised:
                    hit.append(name)
                    told = [record for record in caplog.records if record.exc_info and WORDS in str(record.exc_info[1])]
                    if seen != bare or not told:
                        suffered.append(name)
            assert len(hit) > 15, "the faults are not met"
            assert not suffered, suffered
    capture.close()
