"""Log records over the API."""

import pytest
from support.otlp import chat, log_record, log_records
from support.patience import WAIT_S

from venom_otel.store.protocol import Signal


def send(api, *records, service="chat-api"):
    api.store.write(Signal.LOGS, log_records(*records, service=service)).result(WAIT_S)


def bodies(api, **query):
    answer = api.get("/logs", **query)
    assert answer.status_code == 200, answer.text
    return [item["body"] for item in answer.json()["items"]]


def test_a_record_says_everything(api):
    one = chat()
    send(api, log_record({"said": [1, b"\x00"]}, of=one, severity=13, said={"a": 1.5}, time_ns=1_700_000_000_123_456_789))
    (item,) = api.get("/logs").json()["items"]
    assert item.pop("cursor") > 0
    assert item == {
        "at": "2023-11-14T22:13:20.123456Z",
        "severity": "WARN",
        "severity_number": 13,
        "event_name": "",
        "body": {"said": [1, "AA=="]},
        "trace_id": one.trace_id.hex(),
        "span_id": one.span_id.hex(),
        "service": "chat-api",
        "scope": "tests",
        "attributes": {"a": 1.5},
        "resource": {"service.name": "chat-api"},
    }


def test_filters(api):
    one = chat()
    send(api, log_record("quiet", severity=5), log_record("Warned: quota", severity=13, of=one))
    send(api, log_record("broken", severity=17), service="another")
    assert bodies(api) == ["broken", "Warned: quota", "quiet"]
    assert bodies(api, severity="warn") == bodies(api, severity=13) == ["broken", "Warned: quota"]
    assert bodies(api, service="another") == ["broken"]
    assert bodies(api, text="QUOTA") == ["Warned: quota"]
    assert bodies(api, trace_id=one.trace_id.hex()) == bodies(api, span_id=one.span_id.hex()) == ["Warned: quota"]
    assert bodies(api, since="1h") == bodies(api)
    assert bodies(api, until="1h") == []


def test_pages_and_following(api):
    send(api, *(log_record(number) for number in range(25)))
    seen, query = [], {"limit": 10}
    first = api.get("/logs", **query).json()
    page = first
    while True:
        seen += [item["body"] for item in page["items"]]
        if page["older"] is None:
            break
        page = api.get("/logs", before=page["older"], **query).json()
    assert seen == list(range(24, -1, -1))
    assert api.get("/logs", after=first["newer"]).json() == {"items": [], "older": None, "newer": first["newer"]}
    send(api, log_record("new"))
    assert bodies(api, after=first["newer"]) == ["new"]


def test_there_are_none_yet(api):
    assert api.get("/logs").json() == {"items": [], "older": None, "newer": 0}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"severity": "loud"}, "is no severity: there is trace, debug, info, warn, error, fatal, or a number from 1 to 24"),
        ({"severity": "25"}, "is no severity"),
        ({"trace_id": "x"}, "trace_id"),
        ({"since": "yesterday"}, "is no time"),
        ({"sevrity": "warn"}, "there is no parameter 'sevrity'"),
        ({"limit": 501}, "limit"),
    ],
)
def test_what_cannot_be(api, query, words):
    answer = api.get("/logs", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert words in answer.json()["detail"]
