"""Which row a chat service gets, without any connector or vendor's package being imported for it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import warnings

import pytest
import semantic_kernel.connectors.ai
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from support.custom import Parrot

from venom_otel.instrumentation.semantic_kernel import connectors

VENDORS = (
    "openai",
    "ollama",
    "anthropic",
    "mistralai",
    "google.genai",
    "vertexai",
    "boto3",
    "azure",
    "onnxruntime_genai",
    "semantic_kernel",
)


def shipped() -> set[type]:
    """Every chat connector that Semantic Kernel ships."""
    package = semantic_kernel.connectors.ai
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some packages announce their end at import
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("chat_completion"):
                importlib.import_module(module.name)
    found: set[type] = set()
    pending: list[type] = [ChatCompletionClientBase]
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if cls.__module__.startswith(f"{package.__name__}."):
                found.add(cls)
    return found


@pytest.mark.slow  # Vertex AI's package alone takes ten seconds to import
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_connector_that_is_shipped_has_a_row() -> None:
    found = shipped()
    assert len(found) >= 12
    assert {cls.__name__ for cls in found if connectors.of(cls.model_construct(ai_model_id="m")) is connectors.OTHER} == set()


def test_a_subclass_has_its_base_s_row_and_a_user_s_own_service_the_general_one() -> None:
    class Mine(OpenAIChatCompletion):
        pass

    parent = OpenAIChatCompletion.model_construct(ai_model_id="m")
    assert connectors.of(Mine.model_construct(ai_model_id="m")) is connectors.of(parent) is not connectors.OTHER
    assert connectors.of(Parrot(ai_model_id="parrot")) is connectors.OTHER


def test_a_class_that_only_shares_a_connector_s_name_is_not_that_connector() -> None:
    cls = type("OllamaChatCompletion", (Parrot,), {"__module__": "mine"})
    assert connectors.of(cls(ai_model_id="parrot")) is connectors.OTHER


def test_looking_up_imports_no_connector_and_no_vendor() -> None:
    program = (
        "import sys\n"
        "from venom_otel.instrumentation.semantic_kernel import connectors, replies\n"
        "class Service: ai_model_id = 'm'\n"
        "assert connectors.of(Service()) is connectors.OTHER\n"
        "replies.read_reply(replies.ReplyFacts(), [Service()])\n"
        f"print([name for name in {VENDORS!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_service_that_fails_to_tell_its_url_has_none() -> None:
    class Broken(Parrot):
        def service_url(self) -> str | None:
            raise RuntimeError("no")

    class Telling(Parrot):
        def service_url(self) -> str | None:
            return "http://gpu:8000/v1"

    assert connectors.OTHER.endpoint_url(Broken(ai_model_id="m")) is None
    assert connectors.OTHER.endpoint_url(Telling(ai_model_id="m")) == "http://gpu:8000/v1"
