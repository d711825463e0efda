"""What is compared. Each subject is started in its own process and environment by `overhead.py`.

A subject instruments one service; a second one in the same process stays bare. What it changes on classes of openai or Semantic Kernel
is found by looking before and after, so that the changes can be taken back and put on again between two blocks of a measurement, also
where an `uninstrument` does nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import limit
import openai.resources.chat.completions.completions  # noqa: F401  (openai loads it late; subjects change it, so it must be there before)
from canned import SERVICE_ID, Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry import Telemetry

LIBRARIES = ("openai", "semantic_kernel")
_ABSENT = object()


def _bare(telemetry: Telemetry, *, http: bool) -> Bench:  # noqa: ARG001  (the control: nothing is on, and its measured cost is the method's error)
    return Bench()


def _limit(telemetry: Telemetry, *, http: bool) -> Bench:
    bench = Bench(limit.LimitChatCompletion)
    limit.use(telemetry, bench, http=http)
    return bench


def _venom_otel(telemetry: Telemetry, *, http: bool) -> Bench:
    from semantic_kernel import Kernel

    import venom_otel

    os.environ["VENOM_OTEL_HTTP_SPANS"] = "true" if http else "false"
    bench = Bench()
    kernel = Kernel()
    kernel.add_service(bench.service)
    handle = venom_otel.instrument(kernel, **telemetry.providers())
    assert kernel.get_service(SERVICE_ID) is bench.service
    asyncio.run(bench.run("call", 1))
    assert handle.flush(), "the server did not say who it is"  # from here on it is known, as in an application that runs
    return bench


def _routing(telemetry: Telemetry, *, http: bool) -> Bench:  # noqa: ARG001  (nothing is recorded)
    import venom_otel

    bench = Bench()
    bench.service = venom_otel.fallback([bench.service])
    return bench


def _routing_after_a_failure(telemetry: Telemetry, *, http: bool) -> Bench:  # noqa: ARG001  (nothing is recorded)
    """The first service is asked in vain each time, and the second answers."""
    import venom_otel
    from venom_otel.routing import CircuitBreaker

    bench, fails = Bench(), Bench()
    fails.transport.scenario = "404"
    bench.service = venom_otel.fallback([fails.service, bench.service], availability=CircuitBreaker(pause_s=0))
    return bench


def _routing_recorded(telemetry: Telemetry, *, http: bool) -> Bench:
    from semantic_kernel import Kernel

    import venom_otel

    os.environ["VENOM_OTEL_HTTP_SPANS"] = "true" if http else "false"
    bench = _routing(telemetry, http=http)
    handle = venom_otel.instrument(Kernel(services=[bench.service]), **telemetry.providers())
    asyncio.run(bench.run("call", 1))
    assert handle.flush(), "the server did not say who it is"
    return bench


def _peer(instrument: Callable[[Telemetry], Any]) -> Callable[..., Bench]:
    def start(telemetry: Telemetry, *, http: bool) -> Bench:
        bench = Bench()
        instrument(telemetry)
        if http:  # not part of these products; added so that the rows compare
            from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

            HTTPX2ClientInstrumentor.instrument_client(
                bench.http_client, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
            )
        return bench

    return start


def _genai_openai(telemetry: Telemetry) -> None:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "NO_CONTENT"
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**telemetry.providers())


def _openllmetry(telemetry: Telemetry) -> None:
    os.environ["TRACELOOP_TRACE_CONTENT"] = "false"
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**telemetry.providers())


def _openinference(telemetry: Telemetry) -> None:
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=telemetry.tracer_provider, config=TraceConfig(hide_inputs=True, hide_outputs=True))


SUBJECTS: dict[str, Callable[..., Bench]] = {
    "bare": _bare,
    "limit": _limit,
    "venom_otel": _venom_otel,
    "routing": _routing,
    "routing-after-a-failure": _routing_after_a_failure,
    "routing-recorded": _routing_recorded,
    "genai-openai": _peer(_genai_openai),
    "openllmetry": _peer(_openllmetry),
    "openinference": _peer(_openinference),
}


class Subject:
    """A subject at work in this process, with its changes to classes under control."""

    def __init__(self, name: str, telemetry: Telemetry, *, http: bool) -> None:
        self.bare = Bench()
        before = _class_attributes()
        self.instrumented = SUBJECTS[name](telemetry, http=http)
        self._on: bool | None = None
        self._changes = [
            (owner, attribute, before[owner].get(attribute, _ABSENT), now)
            for owner, attributes in _class_attributes().items()
            for attribute, now in attributes.items()
            if owner in before and before[owner].get(attribute, _ABSENT) is not now
        ]

    def switch(self, *, on: bool) -> Bench:
        """Put the subject's changes on or take them off; returns the service to measure.

        Only where it has to: setting an attribute of a class, even to what it is, makes the interpreter forget what it knew of the class.
        """
        if self._on is on:
            return self.instrumented if on else self.bare
        self._on = on
        for owner, attribute, original, changed in self._changes:
            if on:
                setattr(owner, attribute, changed)
            elif original is not _ABSENT:
                setattr(owner, attribute, original)
            elif attribute in vars(owner):
                delattr(owner, attribute)
        return self.instrumented if on else self.bare


def _class_attributes() -> dict[type, dict[str, Any]]:
    """Every attribute of every loaded class of the libraries that subjects change."""
    classes = {
        found
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in LIBRARIES
        for found in list(vars(module).values())
        if isinstance(found, type) and (found.__module__ or "").partition(".")[0] in LIBRARIES
    }
    return {found: dict(vars(found)) for found in classes}
