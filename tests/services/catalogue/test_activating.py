"""Activating a model: what is started with it, what is kept, and what is put back where it fails."""

from __future__ import annotations

import pytest
from dotenv import dotenv_values
from services.catalogue.conftest import by_name, folder, standin
from support.acting import Place
from support.replay import ReplayServer
from support.servers import LLAMA_SERVER, OLLAMA

from venom_otel.control import Action
from venom_otel.errors import BusyError, ConflictError, UnknownError, UnsupportedError


async def test_vllm_is_started_with_a_folder_and_then_with_another(world, place):
    folder("one")
    folder("two")
    here = world("# mine\nA=1\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    said, ended = await here.ended(await here.catalogue.activate("vllm", "One", "token"))
    assert (ended.state, ended.error) == ("succeeded", None)
    assert (ended.wanted.model, ended.wanted.server, ended.wanted.by) == ("models/one", "vllm", "token")
    assert said[0].words == "LLM_MODEL_NAME is models/one"
    assert here.env.read_text() == "# mine\nA=1\nLLM_MODEL_NAME='models/one'\n"
    served = by_name(await here.listed("vllm"))["models/one"]
    assert (served.server, served.configured, served.loaded) == ("vllm", True, True)

    _, ended = await here.ended(await here.catalogue.activate("vllm", "models/two", "token"))
    assert (ended.state, ended.error) == ("succeeded", None)
    models = by_name(await here.listed("vllm"))
    assert (models["models/two"].server, models["models/one"].server) == ("vllm", None)
    assert (await here.catalogue.now()).configured.model == here.model == "models/two"
    assert [entry.outcome for entry in here.operations.audit(None, 10).items] == ["succeeded", "begun"] * 2


async def test_what_cannot_be_loaded_is_put_back(world, place):
    folder("good")
    folder("broken")
    here = world("LLM_MODEL_NAME=old\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    await here.ended(await here.catalogue.activate("vllm", "good", "token"))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "broken", "token"))
    assert ended.state == "failed"
    assert "ValueError: cannot load 'models/broken'" in ended.error
    assert ended.error.endswith("LLM_MODEL_NAME is models/good again. vLLM serves models/good again.")
    assert here.model == here.configuration.in_use.model == "models/good"
    assert by_name(await here.listed("vllm"))["models/good"].loaded


async def test_nothing_ran_before_and_nothing_runs_after(world, place):
    folder("broken")
    here = world("LLM_MODEL_NAME=gemma3:4b\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "broken", "token"))
    assert ended.error.endswith("\nLLM_MODEL_NAME is gemma3:4b again.")
    assert here.model == "gemma3:4b"
    assert place.processes() == []


async def test_a_start_command_that_serves_what_it_likes(world, place):
    folder("one")
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place, "--serve", "always-this"))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    assert "vLLM is up again and serves always-this, not models/one: its start command must hand LLM_MODEL_NAME on" in ended.error
    assert ended.error.endswith("LLM_MODEL_NAME is not set, as before.")
    assert here.model is None


async def test_what_is_served_already_is_only_kept(world, place):
    folder("one")
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    (process,) = place.processes()
    here.env.write_text("LLM_MODEL_NAME=edited\n")
    said, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    assert ([step.words for step in said], ended.state) == (["LLM_MODEL_NAME is models/one"], "succeeded")
    assert here.model == "models/one"
    assert place.processes() == [process]


async def test_the_applications_endpoint_goes_along_where_it_is_set(world):
    with ReplayServer(OLLAMA) as ollama, ReplayServer(LLAMA_SERVER) as llama:
        env = f"LLM_MODEL_NAME=gemma3:tiny\nLLM_LOCAL_ENDPOINT={ollama.url}/v1/\n"
        here = world(env, llamacpp_endpoint=llama.url, ollama_endpoint=ollama.url, llm_local_endpoint=f"{ollama.url}/v1/")
        said, ended = await here.ended(await here.catalogue.activate("llamacpp", "Gemma 3", "page"))
        assert ended.error is None
        assert said[-1].words == f"LLM_MODEL_NAME is gemma-3, LLM_LOCAL_ENDPOINT is {llama.url}/v1"
        assert dotenv_values(here.env)["LLM_LOCAL_ENDPOINT"] == f"{llama.url}/v1"
        listing = await here.catalogue.now()
    assert (listing.configured.server, listing.configured.model) == ("llamacpp", "gemma-3")


async def test_the_environment_overrules_the_file(world, monkeypatch):
    with ReplayServer(LLAMA_SERVER) as llama:
        monkeypatch.setenv("LLM_MODEL_NAME", "from-the-shell")
        here = world(llamacpp_endpoint=llama.url)
        with pytest.raises(ConflictError, match="LLM_MODEL_NAME is set in the environment"):
            await here.catalogue.activate("llamacpp", "gemma-3", "token")
    (entry,) = here.operations.audit(None, 10).items
    assert (entry.outcome, entry.wanted.kind, entry.wanted.model) == ("refused", "activate", "gemma-3")


async def test_only_what_is_in_the_catalogue(world):
    folder("google/gemma-3-4b-it")
    folder("unsloth/gemma-3-4b-it")
    with ReplayServer(OLLAMA) as ollama:
        here = world(ollama_endpoint=f"{ollama.url},second={ollama.url}/", vllm_endpoint="http://127.0.0.1:9")
        catalogue = here.catalogue
        with pytest.raises(UnknownError, match="there is no provider 'sglang': it is one of vllm, ollama, llamacpp, openai"):
            await catalogue.activate("sglang", "x", "token")
        with pytest.raises(UnknownError, match=r"there is no model '/etc/passwd' of vLLM. It has: models/google/gemma-3-4b-it, models/uns"):
            await catalogue.activate("vllm", "/etc/passwd", "token")
        with pytest.raises(ConflictError, match=r"'Gemma 3 4b it' may be any of models/google/.*, models/unsloth/.*: say its name"):
            await catalogue.activate("vllm", "Gemma 3 4b it", "token")
        with pytest.raises(UnknownError, match="there is no server 'third' of Ollama"):
            await catalogue.activate("ollama", "gemma3:tiny", "token", "third")
        with pytest.raises(UnsupportedError, match=r"models/google/gemma-3-4b-it cannot be activated: .*set VLLM_START_COMMAND"):
            await catalogue.activate("vllm", "google/gemma-3-4b-it", "token")
        with pytest.raises(UnsupportedError, match="hf download google/gemma-3 --local-dir models/gemma-3"):
            await catalogue.install("vllm", "google/gemma-3", "token")
        with pytest.raises(UnsupportedError, match="is no name of a model"):
            await catalogue.install("ollama", "-x y", "token", "ollama")
        with pytest.raises(UnsupportedError, match="cannot be removed: venom-otel deletes no folders"):
            await catalogue.remove("vllm", "google/gemma-3-4b-it", "token")


async def test_a_folder_that_is_not_whole(world, place):
    path = folder("half")
    (path / "model.safetensors").unlink()
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    with pytest.raises(UnsupportedError, match="models/half cannot be activated: there are no weights in it"):
        await here.catalogue.activate("vllm", "half", "token")


async def test_one_folder_on_several_servers(world, place):
    folder("one")
    folder("two")
    (place.folder / "second").mkdir()
    with Place(place.folder / "second") as second:
        here = world(vllm_endpoint=f"{place.url}/v1,big={second.url}", vllm_start_command=standin(place))
        _, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))  # the only one that can be started
        assert (ended.wanted.server, ended.error) == ("vllm", None)
        with pytest.raises(UnsupportedError, match=r"models/one cannot be activated: .*set BIG_START_COMMAND"):
            await here.catalogue.activate("vllm", "one", "token", "big")
        with pytest.raises(UnknownError, match=r"there is no model 'three' of vLLM\. It has: models/two, models/one."):
            await here.catalogue.activate("vllm", "three", "token", "big")


async def test_one_activation_at_a_time(world, place):
    folder("one")
    with ReplayServer(LLAMA_SERVER) as llama:
        here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place), llamacpp_endpoint=llama.url)
        first = await here.catalogue.activate("vllm", "one", "token")
        with pytest.raises(BusyError, match="models/one is being activated") as busy:
            await here.catalogue.activate("llamacpp", "gemma-3", "token")
        assert busy.value.operation_id == first.id
        with pytest.raises(BusyError):
            await here.catalogue.activate("vllm", "one", "token")
        _, ended = await here.ended(first)
        assert ended.state == "succeeded"
        _, ended = await here.ended(await here.catalogue.activate("llamacpp", "gemma-3", "token"))
    assert here.model == "gemma-3"


async def test_a_server_that_is_restarted_keeps_its_model_while_another_one_is_configured(world, place):
    folder("one")
    with ReplayServer(LLAMA_SERVER) as llama:
        here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place), llamacpp_endpoint=llama.url)
        await here.ended(await here.catalogue.activate("vllm", "one", "token"))
        await here.ended(await here.catalogue.activate("llamacpp", "gemma-3", "token"))
        (before,) = place.processes()
        _, ended = await here.ended(await here.servers.act("vllm", Action.RESTART, "token"))
        assert (ended.state, ended.error) == ("succeeded", None)
        assert place.processes() != [before]
        assert by_name(await here.listed("vllm"))["models/one"].loaded
        assert here.model == "gemma-3"
