"""What the page says of a model, and in which order models stand."""

from dataclasses import replace
from pathlib import Path

import pytest

from venom_otel.cockpit.home import model_views
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.runtimes.model_folders import ModelFolder
from venom_otel.services.model_list import Model
from venom_otel.state.model import Kind

MODEL = Model(
    name="gemma3:4b",
    provider="ollama",
    server="ollama",
    label="Gemma3 4B (Ollama @ 11434)",
    loaded=False,
    size_bytes=3_338_801_152,
    parameters="4.3B",
    quantization="Q4_K_M",
)


def test_facts():
    assert model_views.facts(MODEL) == ["4.3B", "Q4_K_M", "3.34 GB"]
    assert model_views.facts(replace(MODEL, context_tokens=131_072)) == ["4.3B", "Q4_K_M", "3.34 GB", "context 128K"]
    assert model_views.facts(replace(MODEL, context_tokens=2050, quantization="unknown", size_bytes=None)) == ["4.3B", "context 2050"]
    assert model_views.facts(Model("x", "openai", "openai", "X (OpenAI)", size_bytes=0)) == []


def test_marks():
    assert model_views.marks(MODEL) == []
    assert model_views.marks(replace(MODEL, configured=True, loaded=True)) == [texts.ACTIVE, texts.LOADED]
    assert model_views.marks(replace(MODEL, configured=True)) == [texts.ACTIVE, texts.NOT_LOADED]
    assert model_views.marks(replace(MODEL, configured=True, loaded=None)) == [texts.ACTIVE]


def test_the_active_one_stands_first_and_the_others_by_name():
    models = [replace(MODEL, name=name) for name in ("qwen3:8b", "Phi4", "gemma3:4b")]
    active = replace(MODEL, name="zephyr", configured=True)
    assert [one.name for one in model_views.ordered([*models, active])] == ["zephyr", "gemma3:4b", "Phi4", "qwen3:8b"]


@pytest.mark.parametrize(("words", "found"), [("", True), ("4b", True), ("GEMMA 4b", True), ("gemma3:4", True), ("gemma 8b", False)])
def test_matches(words, found):
    assert model_views.matches(MODEL, words) is found


def test_what_can_be_activated():
    assert model_views.can_be_activated(MODEL)
    assert model_views.activates(MODEL) == texts.activate("Gemma3 4B")
    assert not model_views.can_be_activated(replace(MODEL, configured=True, loaded=True))
    assert not model_views.can_be_activated(replace(MODEL, configured=True, loaded=None))
    assert not model_views.can_be_activated(replace(MODEL, unsupported={Kind.ACTIVATE: "x"}))


def test_the_active_one_can_be_loaded_where_its_server_loads_models():
    active = replace(MODEL, configured=True)
    assert model_views.can_be_activated(active)
    assert model_views.activates(active) == texts.load("Gemma3 4B")
    assert not model_views.can_be_activated(replace(active, provider="llamacpp", server="llamacpp"))
    assert model_views.can_be_activated(replace(active, provider="vllm", server=None))  # a folder: its server is started anew with it
    why = {Kind.ACTIVATE: "another model is served, and set VLLM_START_COMMAND"}
    assert model_views.reasons(replace(active, provider="vllm", server=None, unsupported=why)) == [
        "Cannot be loaded: another model is served, and set VLLM_START_COMMAND."
    ]


def test_reasons():
    assert model_views.reasons(MODEL) == []
    why = {Kind.REMOVE: "it is the configured model: …, or say `force`"}
    assert model_views.reasons(replace(MODEL, configured=True, unsupported=why)) == [f"Cannot be removed: {texts.ONLY_ACTIVE}."]
    folder = ModelFolder("half", Path("models/half"), problem="there are no weights in it")
    both = {Kind.ACTIVATE: "there are no weights in it", Kind.REMOVE: "do so yourself: rm -r models/half"}
    # What its folder lacks stands in its row already.
    assert model_views.reasons(replace(MODEL, server=None, folder=folder, unsupported=both)) == [
        "Cannot be removed: do so yourself: rm -r models/half."
    ]
