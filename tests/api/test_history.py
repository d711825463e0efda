"""The history over HTTP."""

import threading
import time

import pytest
from support.otlp import SECOND, chat, log_record, log_records, request_id, span, traces
from support.patience import WAIT_S

from venom_otel.store.protocol import Signal

START = 1_790_000_000 * SECOND + 123_456_789


def test_an_empty_list(api):
    assert api.listed() == {"items": [], "older": None, "newer": 0, "missing": None}


def test_a_request_that_was_answered(api):
    more = {
        "gen_ai.response.model": "llama3.1:8b-q4", "gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 34,
    }  # fmt: skip
    sent = chat(more=more, start_ns=START, duration_ns=1_500_000_000)
    api.send(sent)
    assert api.listed()["items"] == [
        {
            "request_id": request_id(sent),
            "cursor": 1,
            "status": "COMPLETED",
            "service": "chat-api",
            "llm_provider": "ollama",
            "llm_model": "llama3.1:8b",
            "llm_response_model": "llama3.1:8b-q4",
            "llm_endpoint": "http://ollama:1/v1",
            "created_at": "2026-09-21T14:13:20.123456Z",
            "finished_at": "2026-09-21T14:13:21.623456Z",
            "duration_seconds": 1.5,
            "first_token": 0.25,
            "streaming": True,
            "usage": {"input_tokens": 12, "output_tokens": 34},
            "speed": 26.4,
            "error": None,
            "fallback": None,
            "timing": {
                "parts": {"until_first_token": 0.25, "generation": 1.25},
                "unknown": "Ollama tells its times through its own API alone, not below /v1: until the first token it may have waited, "
                "loaded the model and read the prompt.",
                "tries": None,
            },
        }
    ]


def test_a_request_that_failed(api):
    more = {"llm.outcome": "error", "llm.error.kind": "model_not_found", "error.type": "404"}
    api.send(chat(more=more, status=2, message="model 'llama9' not found"))
    (item,) = api.listed()["items"]
    assert (item["status"], item["usage"], item["first_token"]) == ("FAILED", None, None)
    assert item["error"] == {"kind": "model_not_found", "code": "404", "words": "model 'llama9' not found"}


def test_what_its_time_went_into(api):
    one = chat(more={"llm.timing.load": 0.25, "llm.timing.prompt": 0.125, "llm.timing.generation": 0.5}, duration_ns=2 * SECOND)
    tries = [
        span({"url.full": "http://ollama:1/api/chat"}, parent=one, start_ns=one.start_time_unix_nano + at * SECOND // 2) for at in (0, 1)
    ]
    api.send(one, *tries)
    told = {"load": 0.25, "prompt": 0.125, "generation": 0.5}
    (item,) = api.listed()["items"]
    assert item["timing"]["parts"] == told | {"unknown": 1.125}
    assert item["timing"]["tries"] is None
    found = api.get(f"/history/requests/{request_id(one)}").json()["timing"]
    assert found["parts"] == told | {"resent": 0.5, "unknown": 0.625}
    assert (found["tries"], found["unknown"]) == (2, item["timing"]["unknown"])


def test_one_request_with_its_steps(api):
    one = chat(more={"blob": b"\x00", "nan": float("nan"), "deep": {"a": [1, {"b": None}]}}, start_ns=START, events={"e": {"k": "v"}})
    post = span({"http.response.status_code": 200}, name="POST", parent=one, start_ns=START + 1, duration_ns=SECOND // 2)
    other = chat(parent=one, model="inside", start_ns=START + 2)
    api.send(one, post, other)
    found = api.get(f"/history/requests/{request_id(one)}").json()
    (step,) = found.pop("steps")
    assert found.pop("missing") is None
    assert found in api.listed()["items"]
    inner = step.pop("steps")
    assert step == {
        "trace_id": one.trace_id.hex(),
        "span_id": one.span_id.hex(),
        "parent_span_id": None,
        "name": "chat llama3.1:8b",
        "kind": "client",
        "service": "chat-api",
        "scope": "tests",
        "started_at": "2026-09-21T14:13:20.123456Z",
        "finished_at": "2026-09-21T14:13:21.123456Z",
        "duration_seconds": 1.0,
        "status": "unset",
        "status_message": "",
        "attributes": {
            "llm.provider": "ollama", "llm.model": "llama3.1:8b", "llm.endpoint": "http://ollama:1/v1", "llm.outcome": "ok",
            "blob": "AA==", "nan": None, "deep": {"a": [1, {"b": None}]},
        },
        "resource": {"service.name": "chat-api"},
        "events": [{"name": "e", "at": "2026-09-21T14:13:20.123456Z", "attributes": {"k": "v"}}],
        "logs": [],
    }  # fmt: skip
    assert [(item["name"], item["duration_seconds"]) for item in inner] == [("POST", 0.5), ("chat inside", 1.0)]


def test_recent_ones_by_how_long_ago(api):
    now = time.time_ns()
    api.send(chat(start_ns=now - 3_600 * SECOND), chat(start_ns=now - 60 * SECOND))
    assert [item["cursor"] for item in api.listed(since="15m")["items"]] == [2]
    assert [item["cursor"] for item in api.listed(since="2h", until="15m")["items"]] == [1]


def test_log_records_stand_at_their_spans(api):
    one = chat(start_ns=START)
    api.send(one)
    said = {"seed": 7, "blob": b"\x00"}
    inside = log_record("model 'x' not found", of=one, severity=13, said=said, time_ns=START + SECOND)
    loose = log_record({"left": 3}, trace_id=one.trace_id, severity=0, time_ns=START)
    api.store.write(Signal.LOGS, log_records(inside, loose)).result(WAIT_S)
    (step,) = api.get(f"/history/requests/{request_id(one)}").json()["steps"]
    assert step["logs"] == [
        {
            "at": "2026-09-21T14:13:21.123456Z",
            "severity": "WARN",
            "severity_number": 13,
            "event_name": "",
            "body": "model 'x' not found",
            "span_id": one.span_id.hex(),
            "service": "chat-api",
            "scope": "tests",
            "attributes": {"seed": 7, "blob": "AA=="},
            "resource": {"service.name": "chat-api"},
        }
    ]
    trace = api.get(f"/history/traces/{one.trace_id.hex()}").json()
    assert [step["logs"][0]["body"] for step in trace["steps"]] == ["model 'x' not found"]
    assert [(record["body"], record["severity"], record["span_id"]) for record in trace["logs"]] == [({"left": 3}, "", None)]


def test_a_trace_by_its_id(api):
    root = span(name="agent", kind=1)
    api.send(root, chat(parent=root))
    found = api.get(f"/history/traces/{root.trace_id.hex()}").json()
    assert found["trace_id"] == root.trace_id.hex()
    assert [(step["name"], [child["name"] for child in step["steps"]]) for step in found["steps"]] == [("agent", ["chat llama3.1:8b"])]


def test_impossible_times_and_numbers_are_still_answers(api):
    odd = span({"llm.provider": "x"}, kind=3, status=1)
    odd.start_time_unix_nano, odd.end_time_unix_nano, odd.kind = 2**64 - 1, 0, 3
    weird = span(parent=odd)
    weird.kind, weird.status.code = 77, 99
    api.send(odd, weird)
    assert api.listed()["items"][0]["created_at"].startswith("2262-")
    steps = api.get(f"/history/requests/{request_id(odd)}").json()["steps"]
    assert steps[0]["started_at"] == steps[0]["finished_at"]
    assert (steps[0]["steps"][0]["kind"], steps[0]["steps"][0]["status"]) == ("77", "99")


def test_a_trace_deeper_than_anybody_reads(api):
    chain = [chat()]
    for number in range(1_000):
        chain.append(span(parent=chain[-1], name=str(number)))
    api.send(*chain)
    assert api.get(f"/history/requests/{request_id(chain[0])}").status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"provider": "vllm"}, [2]),
        ({"model": "b"}, [3, 2]),
        ({"endpoint": "http://ollama:1/v1"}, [3, 1]),
        ({"service": "batch"}, [3]),
        ({"status": "FAILED"}, [2]),
        ({"error_kind": "auth"}, [2]),
        ({"fallback": "true"}, [2]),
        ({"fallback": "false"}, []),
        ({"provider": ["vllm", "nobody"]}, [2]),
        ({"provider": ["vllm", "ollama"], "model": "b"}, [3, 2]),
        ({"status": ["FAILED", "CANCELLED"]}, [2]),
        ({"status": ["FAILED", "COMPLETED"], "service": ["batch", "chat-api"]}, [3, 2, 1]),
        ({"provider": ["vllm", "ollama"], "text": "auth"}, [2]),
        ({"since": "2026-09-21T14:13:30Z"}, [3, 2]),
        ({"since": "2026-09-21T14:13:30"}, [3, 2]),  # UTC where no offset is given
        ({"since": "2026-09-21T16:13:30+02:00", "until": "2026-09-21T14:13:35Z"}, [2]),
        ({"after": 1}, [2, 3]),
        ({"before": 3}, [2, 1]),
        ({"limit": 1}, [3]),
        ({"model": "b", "status": "COMPLETED"}, [3]),
        ({"provider": "nobody"}, []),
        ({"text": "OLLAMA"}, [3, 1]),
        ({"text": "nowhere"}, []),
        ({"text": "ollama", "model": "b"}, [3]),
        ({"attribute": "llm.error.kind=auth"}, [2]),
        ({"attribute": ["llm.provider=ollama", "service.name=batch"]}, [3]),
        ({"attribute": "llm.provider=ollama", "text": "nowhere"}, []),
        ({"attribute": "llm.provider=olla"}, []),
        ({"text": "b", "after": 1, "attribute": "llm.model=b"}, [2, 3]),
    ],
    ids=str,
)
def test_filters(api, query, expected):
    api.send(chat("ollama", "a", start_ns=START))
    failed = {"llm.outcome": "error", "llm.error.kind": "auth", "llm.route.attempt": 2, "llm.route.fallback": True}
    api.send(chat("vllm", "b", more=failed, start_ns=START + 10 * SECOND))
    api.send(chat("ollama", "b", start_ns=START + 20 * SECOND), service="batch")
    assert [item["cursor"] for item in api.listed(**query)["items"]] == expected


def test_pages_while_requests_arrive(api):
    api.send(*(chat() for _ in range(40)))
    stop = threading.Event()

    def write():
        while not stop.is_set():
            api.send(*(chat() for _ in range(5)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        page = api.listed(limit=10)
        first, seen = page, [item["cursor"] for item in page["items"]]
        while page["older"] is not None:
            page = api.listed(limit=10, before=page["older"])
            seen += [item["cursor"] for item in page["items"]]
        assert seen == list(range(first["newer"], 0, -1))
        newer = api.listed(limit=10, after=first["newer"], wait=20)
        assert newer["items"][0]["cursor"] == first["newer"] + 1
    finally:
        stop.set()
        writer.join()


def test_waiting_for_what_comes(api):
    sender = threading.Thread(target=lambda: [api.send(chat("vllm")) for _ in range(3)])
    cursors = []
    sender.start()
    while len(cursors) < 3:
        page = api.listed(after=cursors[-1] if cursors else 0, wait=20)
        cursors += [item["cursor"] for item in page["items"]]
    sender.join()
    assert cursors == [1, 2, 3]
    assert api.listed(after=3, wait=0.05) == {"items": [], "older": None, "newer": 3, "missing": None}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/history/requests?limit=0", 422, "limit: Input should be greater than or equal to 1, not '0'"),
        ("/history/requests?limit=501", 422, "limit: Input should be less than or equal to 500"),
        ("/history/requests?limit=many", 422, "limit: "),
        ("/history/requests?status=BROKEN", 422, "status: Input should be 'COMPLETED', 'FAILED' or 'CANCELLED'"),
        (
            "/history/requests?since=yesterday",
            422,
            "since: 'yesterday' is no time: give one like 2026-11-22T21:04:05Z",
        ),
        ("/history/requests?after=-1", 422, "after: "),
        ("/history/requests?before=-9223372036854775808", 422, "before: "),
        ("/history/requests?wait=31", 422, "wait: "),
        ("/history/requests?modle=a", 422, "there is no parameter 'modle', only provider, model, "),
        ("/history/requests?until=soon", 422, "until: 'soon' is no time"),
        ("/history/requests?since=15m&until=1h", 422, "`since` must not be later than `until`. /openapi.json"),
        ("/history/requests?attribute=seed", 422, "attribute: 'seed' is no attribute and value: give them like gen_ai.request.seed=7"),
        ("/history/requests?attribute=a%3D1&attribute=a%3D2", 422, "attribute: 'a' is given twice"),
        ("/history/requests?attribute=%3D1", 422, "attribute: '=1' is no attribute and value"),
        ("/history/requests?limit=0&wait=99", 422, "not '0'; wait: Input should be less than or equal to 30, not '99'"),
        ("/history/requests/nothing", 404, "no request 'nothing' is stored"),
        (f"/history/requests/{'0' * 32}-{'0' * 16}", 404, "GET /api/v1/history/requests lists those that are"),
        ("/history/traces/nothing", 422, "trace_id: "),
        (f"/history/traces/{'0' * 32}", 404, "nothing of a trace"),
        ("/nothing", 404, "Not Found"),
    ],
)
def test_errors_are_problems_with_words(api, path, status, words):
    answer = api.get(path) if "?" not in path else api.client.get(f"/api/v1{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert words in problem["detail"]


def test_a_store_that_cannot_be_read_is_a_problem_too(api):
    api.store.close()
    for path in ("/health", "/history/requests"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (503, "the store is closed")


def test_health(api):
    assert api.get("/health").json()["status"] == "ok"
    api.store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    assert api.get("/health").json()["newest"] == 1
