"""Models of a real Ollama: loaded, fetched and removed."""

from __future__ import annotations

import time

import httpx
import pytest
from services.catalogue.conftest import by_name
from support.ollama_server import OllamaServer
from support.patience import WAIT_S

from venom_otel.errors import ConflictError


@pytest.mark.ollama
async def test_a_real_ollama(world, tmp_path, ollama_program):
    with OllamaServer(tmp_path / "ollama") as ollama:
        here = world("LLM_MODEL_NAME=old\n", ollama_endpoint=ollama.url)

        def in_memory():
            return [model["name"] for model in httpx.get(f"{ollama.url}/api/ps").json()["models"]]

        assert in_memory() == []
        said, ended = await here.ended(await here.catalogue.activate("ollama", "Gemma3 Tiny", "token"))
        assert (ended.error, [step.words for step in said]) == (None, ["Ollama loads gemma3:tiny", "LLM_MODEL_NAME is gemma3:tiny"])
        assert in_memory() == ["gemma3:tiny"]
        assert here.model == "gemma3:tiny"
        model = by_name(await here.listed("ollama"))["gemma3:tiny"]
        assert (model.configured, model.loaded, model.parameters) == (True, True, "459K")

        with pytest.raises(ConflictError, match="it is the configured model: activate another one first"):
            await here.catalogue.remove("ollama", "gemma3:tiny", "token")
        said, ended = await here.ended(await here.catalogue.install("ollama", "http://127.0.0.1:9/library/none:latest", "token"))
        assert (ended.state, "connection refused" in ended.error) == ("failed", True)
        _, ended = await here.ended(await here.catalogue.remove("ollama", "gemma3:tiny", "token", force=True))
        assert ended.error is None
        deadline = time.monotonic() + WAIT_S
        while (await here.listed("ollama")).models:  # it leaves the memory a moment later
            assert time.monotonic() < deadline


@pytest.mark.ollama
async def test_a_model_that_ollama_cannot_load_leaves_everything_as_it_was(world, tmp_path, ollama_program):
    with OllamaServer(tmp_path / "ollama") as ollama:
        here = world("LLM_MODEL_NAME=old\n", ollama_endpoint=ollama.url)
        assert by_name(await here.listed("ollama"))
        for blob in (tmp_path / "ollama/models/blobs").iterdir():
            if blob.stat().st_size > 100_000:
                blob.write_bytes(b"0" * 1000)
        _, ended = await here.ended(await here.catalogue.activate("ollama", "gemma3:tiny", "token"))
    assert ended.state == "failed"
    assert ended.error.startswith("Ollama does not load gemma3:tiny: 500: ")
    assert here.model == "old"
