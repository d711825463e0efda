"""The description of the API: every route and every error has words and an example, and the examples are true to their models."""

import pytest

from venom_otel.api import comparison, figures, models
from venom_otel.api.problems import Problem

JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture
def schema(api):
    answer = api.client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(schema):
    paths = {path: methods for path, methods in schema["paths"].items() if path.startswith(("/api/v1/health", "/api/v1/history"))}
    return [(path, operation) for path, methods in paths.items() for operation in methods.values()]


def referred(schema, content):
    return schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]


def test_routes_of_the_history(schema):
    assert {path for path, _ in operations(schema)} == {
        "/api/v1/health",
        "/api/v1/history/aggregates",
        "/api/v1/history/compare",
        "/api/v1/history/filters",
        "/api/v1/history/requests",
        "/api/v1/history/requests/export",
        "/api/v1/history/requests/{request_id}",
        "/api/v1/history/traces/{trace_id}",
    }


def test_every_route_is_described_with_an_example_of_its_answer(schema):
    for path, operation in operations(schema):
        assert operation["description"], path
        for kind, content in operation["responses"]["200"]["content"].items():
            assert (referred(schema, content) if kind == JSON else content)["example"], (path, kind)
        assert all(parameter["description"] for parameter in operation.get("parameters", ())), path


def test_every_error_is_a_problem_with_an_example(schema):
    seen = set()
    for path, operation in operations(schema):
        for status, response in operation["responses"].items():
            if status == "200":
                continue
            seen.add(status)
            assert list(response["content"]) == [PROBLEM], (path, status)
            example = Problem.model_validate(response["content"][PROBLEM]["example"])
            assert example.status == int(status)
            assert example.detail != example.title
    assert seen == {"404", "422", "503"}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (models, "Request"),
        (models, "Requests"),
        (models, "RequestWithSteps"),
        (models, "Trace"),
        (models, "Log"),
        (figures, "Figures"),
        (figures, "Overview"),
        (figures, "Choices"),
        (comparison, "Row"),
        (comparison, "Comparison"),
    ],
)
def test_examples_are_valid_answers(schema, module, name):
    model = getattr(module, name)
    example = schema["components"]["schemas"][name]["example"]
    assert model.model_validate(example).model_dump(mode="json") == example
    assert set(example) == set(model.model_fields)
