"""What the page shows of stored facts, without a page."""

from dataclasses import replace

import pytest

from venom_otel.cockpit import views
from venom_otel.services.traces import tree
from venom_otel.store.protocol import RequestStatus, RequestSummary, Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_700_000_000_000_000_000

ANSWERED = RequestSummary(
    sequence=7,
    trace_id=TRACE,
    span_id="b7ad6b7169203331",
    service="support-bot",
    status=RequestStatus.COMPLETED,
    provider="ollama",
    model="llama3.2:1b",
    response_model="llama3.2:1b",
    endpoint="http://localhost:11434/v1",
    start_ns=START,
    duration_ns=1_240_000_000,
    first_chunk_ns=180_000_000,
    streaming=True,
    input_tokens=1412,
    output_tokens=96,
    error_kind=None,
    error_type=None,
    error_message=None,
)
FAILED = replace(
    ANSWERED,
    status=RequestStatus.FAILED,
    model="x",
    response_model=None,
    first_chunk_ns=None,
    input_tokens=None,
    output_tokens=None,
    error_kind="model_not_found",
    error_type="404",
    error_message="model 'x' not found",
)


def span(number, parent, begin, end, **more):
    """A span of the trace; times are milliseconds from its start."""
    stated = {"name": f"span {number}", "kind": 1, "status_code": 0, "status_message": "", "service": "app", "scope": "test"}
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_span_id=f"{parent:016x}" if parent else None,
        start_ns=START + begin * 1_000_000,
        end_ns=START + end * 1_000_000,
        attributes=more.pop("attributes", {}),
        resource={},
        **{**stated, **more},
    )


def test_row_of_an_answered_request():
    assert views.request_row(ANSWERED) == {
        "id": f"{TRACE}-b7ad6b7169203331",
        "sequence": 7,
        "href": f"/trace/{TRACE}?span=b7ad6b7169203331",
        "started": 1_700_000_000_000,
        "status": "completed",
        "statusText": "Completed",
        "provider": "ollama",
        "mark": "--hue: 265",
        "fallback": False,
        "model": "llama3.2:1b",
        "answered": "",
        "endpoint": "localhost:11434/v1",
        "service": "support-bot",
        "task": False,
        "duration": "1.24 s",
        "timing": {
            "bar": "background: linear-gradient(to right, var(--first) 0.0% 14.5%, var(--accent) 14.5% 100.0%)",
            "words": "Until first token 180 ms, Generation 1.06 s",
        },
        "first": "180 ms",
        "tokens": "1\u2009412 → 96",
        "error": "",
    }


def test_another_model_answered():
    assert views.request_row(replace(ANSWERED, response_model="llama3.2-2024"))["answered"] == "llama3.2-2024"


def test_in_another_servers_place():
    rows = [views.request_row(replace(ANSWERED, fallback=fallback)) for fallback in (True, False, None)]
    assert [row["fallback"] for row in rows] == [True, False, False]


def test_a_failure_in_words():
    row = views.request_row(FAILED)
    assert row["error"] == "404 · model_not_found: model 'x' not found — ollama at http://localhost:11434/v1"
    assert (row["first"], row["tokens"], row["answered"], row["timing"]) == ("", "", "", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error_type": "timeout", "error_kind": "timeout"}, "timeout: model 'x' not found — ollama at http://localhost:11434/v1"),
        ({"error_message": None}, "404 · model_not_found — ollama at http://localhost:11434/v1"),
        ({"error_type": None, "error_kind": None}, "model 'x' not found — ollama at http://localhost:11434/v1"),
        ({"error_message": "Error code: 404 - no such"}, "404 · model_not_found: no such — ollama at http://localhost:11434/v1"),
        ({"error_message": "Error code: 404"}, "404 · model_not_found — ollama at http://localhost:11434/v1"),
        ({"error_message": "Error code: 4040"}, "404 · model_not_found: Error code: 4040 — ollama at http://localhost:11434/v1"),
        ({"error_type": None, "error_kind": None, "error_message": None, "endpoint": None, "provider": None}, "unknown"),
    ],
)
def test_a_failure_of_which_less_is_known(changes, words):
    assert views.failure(replace(FAILED, **changes)) == words


def test_one_side_of_the_tokens():
    assert views.tokens(replace(ANSWERED, output_tokens=None)) == "1\u2009412 → ?"


def test_timeline():
    model = {"llm.provider": "ollama", "gen_ai.response.time_to_first_chunk": 0.02}
    spans = views.spans(
        tree([span(1, None, 0, 100), span(2, 1, 10, 90, attributes=model, status_code=2), span(3, 2, 20, 60), span(4, 1, 90, 100)])
    )
    assert [(depth, one.name) for depth, one in spans] == [(0, "span 1"), (1, "span 2"), (2, "span 3"), (1, "span 4")]
    drawn = views.timeline(spans)
    assert drawn["ticks"] == ["0", "25.0 ms", "50.0 ms", "75.0 ms", "100 ms"]
    assert drawn["rows"][1] == {
        "id": f"{2:016x}",
        "depth": 1,
        "name": "span 2",
        "provider": "ollama",
        "mark": "--hue: 265",
        "failed": True,
        "left": 10.0,
        "width": 80.0,
        "first": 25.0,
        "duration": "80.0 ms",
    }


def test_timeline_of_spans_without_length_or_with_clocks_that_disagree():
    drawn = views.timeline(views.spans(tree([span(1, None, 5, 5), span(2, 1, 9, 3)])))
    assert [(row["left"], row["width"], row["duration"]) for row in drawn["rows"]] == [(0.0, 0.0, "0 µs"), (100.0, 0.0, "0 µs")]


def test_timeline_is_bounded():
    spans = views.spans(tree([span(number, None, number, number + 1) for number in range(1, views.MAX_SPANS + 50)]))
    assert len(spans) == views.MAX_SPANS + 49
    assert len(views.timeline(spans)["rows"]) == views.MAX_SPANS


def test_a_deep_trace():
    assert len(views.spans(tree([span(number, number - 1, 0, 1) for number in range(1, 3000)]))) == 2999


def test_the_request_that_a_span_belongs_to():
    model = {"gen_ai.provider.name": "vllm"}
    spans = views.spans(
        tree(
            [
                span(1, None, 0, 9),
                span(2, 1, 1, 4, attributes=model),
                span(3, 2, 2, 3),
                span(4, 1, 5, 8, attributes=model),
                span(5, 4, 6, 7),
            ]
        )
    )
    assert [views.request_of(spans, f"{number:016x}") for number in (1, 2, 3, 4, 5)] == [f"{number:016x}" for number in (2, 2, 2, 4, 4)]
    assert views.request_of(views.spans(tree([span(1, None, 0, 1)])), f"{1:016x}") is None


def test_attributes_begin_with_who_answered():
    found = views.words({"server.port": 1, "gen_ai.b": 2, "llm.z": 3, "gen_ai.a": 4, "a": 5})
    assert [name for name, _ in found] == ["llm.z", "gen_ai.a", "gen_ai.b", "a", "server.port"]


@pytest.mark.parametrize(("words", "leads"), [(TRACE, True), (TRACE[:-1], False), (TRACE.upper(), False), ("<script>", False), ("", False)])
def test_addresses_of_traces(words, leads):
    assert views.is_trace_id(words) is leads
