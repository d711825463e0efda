"""The older Vertex AI connector over gRPC. Apart from the others, as importing its package takes ten seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.vendors.trip import both, expected, http_children, span

from venom_otel.testing import ELAPSED

if TYPE_CHECKING:
    from support.vendors.wire import Bed

    from venom_otel.testing import Capture

pytestmark = [
    pytest.mark.slow,
    # Connector and package announce their end, and the package uses what protobuf and pydantic have replaced.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def bed() -> Bed:
    from support.vendors.vertexai import VERTEXAI

    return VERTEXAI


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_an_answer(bed: Bed, stream: bool, capture: Capture) -> None:
    got, error = await both(bed, bed.stream if stream else bed.call, stream=stream, capture=capture, **bed.settings)
    assert error is None
    assert "".join(text for contents in got for _, _, text, _ in contents) == "Hello there."
    attributes: dict[str, Any] = {**bed.asked, **(bed.streamed if stream else bed.answered), "llm.outcome": "ok"}
    if stream:
        attributes["gen_ai.response.time_to_first_chunk"] = ELAPSED
    assert span(capture) == expected(bed, attributes, stream=stream)
    assert http_children(capture) == []


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("key", ["model", "key", "rate"])
async def test_a_refusal(bed: Bed, key: str, stream: bool, capture: Capture) -> None:
    got, error = await both(bed, bed.errors[key], stream=stream, capture=capture)
    assert got == []
    assert error is not None
    found = span(capture)
    error_type, kind = bed.refused[key]
    assert (found["status"], found["attributes"]["llm.outcome"]) == ("ERROR", "error")
    assert (found["attributes"]["error.type"], found["attributes"]["llm.error.kind"]) == (error_type, kind)
    assert found["attributes"]["http.response.status_code"] == bed.errors[key].status
    assert bed.errors[key].body.decode() in found["description"]
