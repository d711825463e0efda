"""What servers say, read with distrust: a value of the wrong kind is none."""

from __future__ import annotations

import json

import pytest

from venom_otel.identity.fingerprints import Reply
from venom_otel.runtimes.asking import Heard
from venom_otel.runtimes.fields import MAX_MODELS, count, listed, mapping, measured, shortened, text, total


def heard(body: bytes, status: int = 200) -> Heard:
    return Heard("/", "http://127.0.0.1/", Reply(status, (), body))


@pytest.mark.parametrize(("value", "read"), [("gemma3:tiny", "gemma3:tiny"), ("x" * 600, "x" * 512), ("größer", "größer")])
def test_a_text(value, read):
    assert text(value) == read


@pytest.mark.parametrize("value", ["", "a\nb", "a\x1b[2J", None, 5, b"a", ["a"], {"a": 1}])
def test_no_text(value):
    assert text(value) is None


@pytest.mark.parametrize(("value", "read"), [(0, 0), (7, 7), (7.0, 7), (2**63 - 1, 2**63 - 1)])
def test_a_count(value, read):
    assert count(value) == read
    assert type(count(value)) is int


@pytest.mark.parametrize("value", [-1, -1.0, 1.5, float("nan"), float("inf"), 2**63, 1e300, True, False, "7", None, [7]])
def test_no_count(value):
    assert count(value) is None


def test_a_mapping():
    assert mapping({"a": 1}) == {"a": 1}
    assert [mapping(value) for value in (None, [], "a", 5)] == [{}] * 4


def test_a_list_of_objects():
    assert listed(heard(b'{"data": [{"id": "m"}, 5, null, ["x"], {}]}'), "data") == [{"id": "m"}, {}]
    assert listed(heard(b'{"data": []}'), "data") == []
    assert len(listed(heard(json.dumps({"data": [{}] * (MAX_MODELS + 1)}).encode()), "data")) == MAX_MODELS
    for body in (b"{}", b"[]", b'{"data": {}}', b'{"data": "m"}', b'{"data": null}', b"{", b""):
        assert listed(heard(body), "data") is None
    assert listed(heard(b'{"data": []}', 404), "data") is None
    assert listed(Heard("/", "http://127.0.0.1/"), "data") is None


METRICS = b"""\
# HELP n:running how many
# TYPE n:running gauge
n:running{model="a} b",engine="0"} 2.0
n:running{engine="1"}\t3 1795338103000
n:running_since 7
xn:running 9
n.running 9
n:waiting 1e1
n:odd one
n:endless +Inf
n:half 0.5
"""


@pytest.mark.parametrize(
    ("name", "values", "sum_of_them"),
    [
        ("n:running", [2.0, 3.0], 5),
        ("n:running_since", [7.0], 7),
        ("n.running", [9.0], 9),
        ("n:waiting", [10.0], 10),
        ("n:odd", [], None),
        ("n:endless", [], None),
        ("n:half", [0.5], 0),
        ("n:absent", [], None),
    ],
)
def test_a_metric(name, values, sum_of_them):
    assert measured(heard(METRICS), name) == values
    assert total(heard(METRICS), name) == sum_of_them
    assert measured(heard(METRICS, 503), name) == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (None, None),
        (0, None),
        (1, "1"),
        (999, "999"),
        (1000, "1K"),
        (459_392, "459K"),
        (999_400, "999K"),
        (999_500, "1M"),
        (1_500_000, "1.5M"),
        (999_499_999, "999M"),
        (999_500_000, "1B"),
        (4_300_079_472, "4.3B"),
        (70_553_706_496, "70.6B"),
    ],
)
def test_a_number_of_parameters_as_ollama_writes_it(parameters, words):
    assert shortened(parameters) == words
