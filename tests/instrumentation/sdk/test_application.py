"""A whole application in a process of its own: Semantic Kernel, a server that answers, a collector, and two added lines or none."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from support import behaviours, dialects, personas
from support.chat_server import ChatServer
from support.otlp_sink import OtlpSink

KEY = "planted-9f2c71d4e8"

SHOP = """
import asyncio, httpx2
from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
for noisy in ("httpx2", "semantic_kernel", "openai"):
    logging.getLogger(noisy).setLevel(logging.ERROR)
http = httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0))  # each event loop below needs a connection of its own
client = AsyncOpenAI(api_key=os.environ["KEY"], base_url=os.environ["SERVER"] + "/v1", max_retries=0, http_client=http)
kernel = Kernel(services=[OpenAIChatCompletion(ai_model_id=os.environ["MODEL"], async_client=client)])

def ask():
    async def main():
        try:
            say(await kernel.invoke_prompt("hello"))
        except Exception as error:
            say(type(error).__name__)
    asyncio.run(main())
"""

INSTRUMENTED = """
import venom_otel
venom_otel.instrument(kernel)
"""

ASK = """
ask()
"""


@pytest.fixture
def server():
    """A vLLM, by its word, that answers."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as server:
        yield server


@pytest.fixture
def shop(run, server):
    """Run the shop: (what is added to it, how it is started, its environment)."""

    def shop(added=INSTRUMENTED, program=ASK, **how):
        begin = "unhurried()\n" if how else ""  # the bare one has nothing of ours
        return run(begin + SHOP + added + program, SERVER=server.url, KEY=KEY, MODEL=personas.VLLM_MODEL, **how)

    return shop


def without_request_log(ended):
    return [line for line in ended.lines if not line.startswith("INFO venom_otel.requests")]


def everything(sink):
    """All bytes that were sent."""
    return b"".join(export.message.SerializeToString() + repr(export.headers).encode() for export in sink.exports)


def test_two_lines_are_enough(shop, server, sink):
    server.play(behaviours.answers())
    bare = shop(added="")
    ended = shop(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert (ended.code, ended.stderr, without_request_log(ended)) == (bare.code, bare.stderr, bare.lines)

    (chat,) = (span for span in sink.spans if span.name == f"chat {personas.VLLM_MODEL}")
    assert chat.resource["service.name"] == "shop"
    assert chat.attributes["llm.provider"] == "vllm"
    by_id = {span.span_id: span for span in sink.spans}
    parent = by_id[chat.parent_span_id]
    assert parent.scope.startswith("semantic_kernel"), "Semantic Kernel's own span of the prompt function flows too"
    (http,) = (span for span in sink.spans if span.parent_span_id == chat.span_id)
    assert http.name == "POST"
    assert "gen_ai.client.operation.duration" in {metric.name for metric in sink.metrics}
    (request,) = (record for record in sink.logs if record.scope == "venom_otel.requests")
    assert (request.trace_id, request.span_id) == (chat.trace_id, chat.span_id)
    assert request.attributes["llm.provider"] == "vllm"
    assert KEY.encode() not in everything(sink)


def test_a_failure_and_what_the_application_says_of_it(shop, server, sink):
    server.play(behaviours.refuses(dialects.Error(500, {"error": {"message": f"no, not with {KEY}"}}, None)))
    said = """
from openai import _base_client
original = _base_client.AsyncAPIClient.post
async def post(self, *args, **kwargs):
    try:
        return await original(self, *args, **kwargs)
    except Exception:
        logging.getLogger("shop").exception("asked with %s", client.api_key, extra={"order": 7, "key": client.api_key, "basket": [1]})
        raise
_base_client.AsyncAPIClient.post = post
"""
    ended = shop(added=said + INSTRUMENTED, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert "KernelInvokeException" in ended.lines

    (chat,) = (span for span in sink.spans if span.name.startswith("chat "))
    assert chat.attributes["error.type"] == "500"
    (record,) = (record for record in sink.logs if record.scope == "shop")
    assert (record.trace_id, record.severity_text, record.body.string_value) == (chat.trace_id, "ERROR", "asked with ***")
    assert record.attributes["order"] == 7
    assert record.attributes["llm.model"] == personas.VLLM_MODEL
    assert record.attributes["exception.type"] == "InternalServerError"
    assert "basket" not in record.attributes
    assert KEY.encode() not in everything(sink)


def test_nobody_listens(shop, server):
    server.play(behaviours.answers())
    bare = shop(added="")
    with OtlpSink("refuse") as sink:
        ended = shop(program="unhurried(exit_s=FOR_EVER)\n" + ASK, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    warnings = [line for line in ended.lines if line.startswith("WARNING ")]
    assert (ended.code, ended.stderr) == (bare.code, bare.stderr)
    assert [line for line in without_request_log(ended) if line not in warnings] == bare.lines
    [warning] = warnings
    assert warning.startswith(f"WARNING venom_otel venom_otel: no telemetry reaches {sink.url}")


def test_children_of_a_prefork_server(shop, server, sink):
    server.play(behaviours.answers())
    prefork = """
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        ask()
        sys.exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
"""
    before = "ask()\n"
    ended = shop(program=before + prefork, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert (ended.code, ended.stderr) == (0, "")
    chats = [span for span in sink.spans if span.name.startswith("chat ")]
    assert len(chats) == len({span.trace_id for span in chats}) == len({span.resource["service.instance.id"] for span in chats}) == 3
    assert {(span.attributes["llm.provider"], span.attributes["llm.outcome"]) for span in chats} == {("vllm", "ok")}


def test_opentelemetry_instrument_needs_no_line(shop, server, sink):
    server.play(behaviours.answers())
    command = shutil.which("opentelemetry-instrument", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert command is not None
    ended = shop(added="", command=(command, sys.executable), OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert (ended.code, ended.stderr) == (0, "")
    (chat,) = (span for span in sink.spans if span.name == f"chat {personas.VLLM_MODEL}")
    assert chat.attributes["llm.provider"] == "vllm"
    assert chat.resource["service.name"] == "shop"
    below = [span.name for span in sink.spans if span.parent_span_id == chat.span_id]
    assert below == ["POST"], "one HTTP span, though the command instruments the HTTP client as well"
    assert KEY.encode() not in everything(sink)


def test_opentelemetry_instrument_leaves_other_programs_alone(run):
    command = str(Path(sys.executable).parent / "opentelemetry-instrument")
    ended = run("print('semantic_kernel' in sys.modules, our_threads())", command=(command, sys.executable))
    assert (ended.code, ended.stderr, ended.lines) == (0, "", ["False []"])
