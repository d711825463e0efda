"""The list of requests as a file."""

import csv
import io
import itertools
import json
import re

import pytest
from support.otlp import SECOND, chat, request_id, span

from venom_otel.services.history import MAX_LIMIT
from venom_otel.services.tables import COLUMNS

START = 1_790_000_000 * SECOND
_seconds = itertools.count()


def sent(**more):
    return chat(start_ns=START + next(_seconds) * SECOND, **more)


def exported(api, **query):
    answer = api.get("/history/requests/export", **query)
    assert answer.status_code == 200, answer.text
    return answer


def table(api, **query):
    return list(csv.DictReader(io.StringIO(exported(api, **query).text)))


def test_a_table_has_what_is_nested_side_by_side(api):
    told = {"llm.timing.load": 0.5, "llm.timing.prompt": 0.25, "llm.timing.generation": 0.25, "gen_ai.usage.output_tokens": 3}
    api.send(sent(more=told, duration_ns=SECOND))
    api.send(sent(more={"llm.outcome": "error", "error.type": "404"}, status=2, message='no, "this"\nmodel'))
    answered, failed = table(api)
    assert tuple(answered) == COLUMNS
    assert (answered["usage.output_tokens"], answered["usage.input_tokens"], answered["error.code"]) == ("3", "", "")
    assert (answered["timing.load"], answered["timing.prompt"], answered["timing.unknown"]) == ("0.5", "0.25", "")
    assert (answered["speed"], failed["speed"]) == ("8.0", "")
    assert (failed["error.words"], failed["error.code"], failed["timing.load"]) == ('no, "this"\nmodel', "404", "")


def test_lines_of_json_are_the_objects_of_the_list(api):
    api.send(*(sent() for _ in range(3)))
    lines = exported(api, format="jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == api.listed()["items"][::-1]


def test_it_comes_as_a_file_with_a_name(api):
    for form, kind in (("csv", "text/csv; charset=utf-8"), ("jsonl", "application/jsonl")):
        headers = exported(api, format=form).headers
        assert headers["content-type"] == kind
        assert re.fullmatch(rf'attachment; filename="venom-otel-requests-\d{{8}}-\d{{6}}\.{form}"', headers["content-disposition"])


def test_of_nothing_a_table_has_its_head_and_lines_are_none(api):
    assert exported(api).text == ",".join(COLUMNS) + "\n"
    assert exported(api, format="jsonl").text == ""


@pytest.mark.parametrize("search", [{}, {"text": "number"}])
def test_more_than_a_page_comes_whole_and_in_order(api, search):
    numbers = range(2 * MAX_LIMIT + 3)
    for begin in numbers[::MAX_LIMIT]:  # several blocks
        api.send(*(sent(model=f"number-{number}") for number in numbers[begin : begin + MAX_LIMIT]))
    assert [row["llm_model"] for row in table(api, **search)] == [f"number-{number}" for number in numbers]


def test_exactly_a_page(api):
    api.send(*(sent() for _ in range(MAX_LIMIT)))
    assert len(table(api)) == MAX_LIMIT


def test_filters_and_search_are_those_of_the_list(api):
    one = sent(model="wanted", more={"gen_ai.request.seed": 7})
    api.send(one, sent(model="wanted"), sent(provider="vllm", more={"gen_ai.request.seed": 7}), span(name="no request"))
    for query in (
        {"model": "wanted", "attribute": "gen_ai.request.seed=7"},
        {"provider": "ollama", "text": "seed"},
        {"attribute": "gen_ai.request.seed=7", "provider": ["ollama", "x"]},
    ):
        assert [row["request_id"] for row in table(api, **query)] == [request_id(one)], query


def test_a_query_it_does_not_know_is_refused_in_words(api):
    for query in ({"limit": 3}, {"after": 1}, {"format": "xlsx"}, {"since": "soon"}, {"since": "1m", "until": "1h"}):
        answer = api.get("/history/requests/export", **query)
        assert answer.status_code == 422, query
        assert next(iter(query)) in answer.text
