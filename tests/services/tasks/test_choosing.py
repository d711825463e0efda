"""Which servers a task is for."""

import pytest
from support.scripted_health import runtime

from venom_otel.errors import NobodyThereError, SettingsError, WrongTaskError
from venom_otel.health import Server
from venom_otel.health.condition import Condition
from venom_otel.runtimes.model import Reading, Reason, ServedModel, State
from venom_otel.services.configuration import InUse
from venom_otel.services.tasks.choosing import Chooser, Preferences, base_url, parse_models
from venom_otel.services.tasks.model import Message, Role, Wanted


def server(name, *models, provider="vllm", url=None, offline=False, loaded=True):
    served = tuple(ServedModel(each, loaded=loaded) for each in models)
    state = State.STOPPED if offline else State.READY
    cause = (Reason.REFUSED, "it is not there") if offline else (None, None)
    condition = Condition(state, 1, *cause)
    return Server(runtime(name, url or f"http://{name}:8000/v1", provider), condition, Reading(state, *cause, models=served), 1, 0.1)


OLLAMA = server("ollama", "llama3.2:1b", "gemma3:4b", provider="ollama", loaded=False)
VLLM = server("vllm", "models/gemma-3-4b-it")
CLOUD = server("openai", "gpt-4o", "gpt-4o-mini", provider="openai", loaded=None)
ALL = [OLLAMA, VLLM, CLOUD]


def chosen(servers, in_use="", endpoint="", models=None, chooser=None, **wanted):
    chooser = chooser or Chooser(lambda: Preferences(InUse(in_use, endpoint), models or {}))
    return [(each.runtime.name, each.model) for each in chooser.choose(servers, Wanted([Message(Role.USER, "hi")], **wanted))]


def test_in_the_order_of_the_settings_each_with_a_model_of_its_own():
    assert chosen(ALL) == [("ollama", "llama3.2:1b"), ("vllm", "models/gemma-3-4b-it")]


def test_the_configured_model_and_its_server_come_first():
    assert chosen(ALL, "models/gemma-3-4b-it")[0] == ("vllm", "models/gemma-3-4b-it")
    assert chosen(ALL, "anything", "http://vllm:8000/v1")[0] == ("vllm", "anything")
    assert chosen(ALL, "gemma3:4b") == [("ollama", "gemma3:4b"), ("vllm", "models/gemma-3-4b-it")]


def test_a_model_in_memory_before_one_that_has_to_be_loaded():
    both = server("ollama", provider="ollama")
    models = (ServedModel("cold", loaded=False), ServedModel("warm", loaded=True))
    both = Server(both.runtime, both.condition, Reading(State.READY, models=models), 1, 0.1)
    assert chosen([both]) == [("ollama", "warm")]


def test_models_that_answer_nothing_are_left_out():
    assert chosen([server("ollama", "nomic-embed-text", "llama3.2", provider="ollama", loaded=False)]) == [("ollama", "llama3.2")]


def test_a_service_with_many_models_is_asked_for_one_that_somebody_named():
    assert chosen(ALL, models={"openai": "gpt-4o-mini"})[-1] == ("openai", "gpt-4o-mini")
    assert chosen([CLOUD], model="gpt-4o") == [("openai", "gpt-4o")]
    with pytest.raises(NobodyThereError, match="VENOM_OTEL_TASK_MODELS"):
        chosen([CLOUD])
    assert chosen([server("openai", "only", provider="openai", loaded=None)]) == [("openai", "only")]


def test_a_named_server_is_the_only_one():
    assert chosen(ALL, provider="vllm") == [("vllm", "models/gemma-3-4b-it")]
    big = server("big", "other", provider="vllm")
    assert chosen([VLLM, big], provider="big") == [("big", "other")]
    assert chosen([big, VLLM], provider="vllm") == [("vllm", "models/gemma-3-4b-it")]  # its name wins over a provider's
    assert chosen([big], provider="vllm") == [("big", "other")]


def test_a_named_model_goes_to_those_that_have_it():
    assert chosen(ALL, model="gemma3:4b") == [("ollama", "gemma3:4b"), ("vllm", "models/gemma-3-4b-it")]
    assert chosen(ALL, model="Gemma 3 4B It") == [("vllm", "models/gemma-3-4b-it"), ("ollama", "llama3.2:1b")]
    assert chosen(ALL, model="gemma3:4b", fallback=False) == [("ollama", "gemma3:4b")]


def test_one_that_tells_no_models_is_believed_to_have_it():
    chooser = Chooser(lambda: Preferences(InUse(), {}))
    asked = Wanted([Message(Role.USER, "hi")], model="m")
    assert [each.runtime.name for each in chooser.choose([server("gone", offline=True), server("has", "m")], asked)] == ["has", "gone"]


def test_one_that_went_offline_is_still_asked_for_the_model_it_had():
    chooser = Chooser(lambda: Preferences(InUse(), {}))
    assert chosen([VLLM], chooser=chooser) == [("vllm", "models/gemma-3-4b-it")]
    gone = server("vllm", offline=True)
    assert chosen([gone, OLLAMA], chooser=chooser)[0] == ("vllm", "models/gemma-3-4b-it")


def test_words_for_what_cannot_be():
    with pytest.raises(NobodyThereError, match="OLLAMA_ENDPOINT"):
        chosen([])
    with pytest.raises(WrongTaskError, match="no model server 'nobody'; there are: ollama, vllm, openai") as no_server:
        chosen(ALL, provider="nobody")
    assert no_server.value.parameter == "provider"
    with pytest.raises(WrongTaskError, match=r"no model server has a model 'x+…'; there are: llama3.2:1b, gemma3:4b, models/gemma") as none:
        chosen(ALL, model="x" * 500)
    assert none.value.parameter == "model"
    with pytest.raises(NobodyThereError, match="Vllm: it is not there"):
        chosen([server("vllm", offline=True)])


def test_where_chats_go():
    assert base_url(runtime(url="http://gpu:8000")) == "http://gpu:8000/v1"
    assert base_url(runtime(url="http://gpu:8000/v1")) == "http://gpu:8000/v1"
    assert base_url(runtime(url="https://example.com/v1beta/openai")) == "https://example.com/v1beta/openai"


def test_models_by_setting():
    assert parse_models("openai=gpt-4o-mini, ollama = llama3.2:1b,") == {"openai": "gpt-4o-mini", "ollama": "llama3.2:1b"}
    with pytest.raises(SettingsError, match="VENOM_OTEL_TASK_MODELS"):
        parse_models("openai")
