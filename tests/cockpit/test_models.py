"""The panel of models: a real browser, a real cockpit, a real Ollama that pulls from a registry, a stand-in that vLLM's script starts."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from dotenv import dotenv_values
from playwright.sync_api import expect
from support.acting import Place
from support.browser import passing
from support.chat_server import ClosedPort
from support.cockpit import Cockpit
from support.model_registry import ModelRegistry
from support.ollama_server import OllamaServer
from support.program import eventually
from support.replay import Page, ReplayServer
from support.repository import ROOT
from support.servers import LLAMA_SERVER, OLLAMA

from tools import tiny_model
from venom_otel.cockpit import texts as common
from venom_otel.cockpit.texts import chat
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

STANDIN = Path(__file__).parents[1] / "support" / "standin_vllm.py"
FETCHES = texts.fetch_with("Ollama")


@pytest.fixture
def variables() -> dict[str, str]:
    """What the cockpit is started with."""
    return {}


@pytest.fixture
def cockpit(tmp_path: Path, variables: dict[str, str]) -> Iterator[Cockpit]:
    with Cockpit(tmp_path, VENOM_OTEL_PROBE_INTERVAL_S="1", **variables) as running:
        yield running


def column(page, provider="Ollama"):
    return page.get_by_role("region", name=texts.of_provider(provider))


def rows(page, provider="Ollama"):
    return column(page, provider).get_by_role("listitem")


def row(page, name, provider="Ollama"):
    """That of the model which its server calls so."""
    exact = page.locator(".model-name").get_by_text(name, exact=True)
    return rows(page, provider).filter(has=exact)


def confirm(page, words):
    page.get_by_role("dialog").get_by_role("button", name=words, exact=True).click()


def fetch(page, name):
    page.get_by_label(FETCHES).fill(name)
    page.keyboard.press("Enter")


@pytest.mark.ollama
class TestOllama:
    @pytest.fixture
    def registry(self, tmp_path):
        with ModelRegistry(tmp_path / "registry") as running:
            yield running

    @pytest.fixture
    def ollama(self, ollama_program, registry, tmp_path):
        with OllamaServer(tmp_path / "ollama", environment=registry.environment) as server:
            yield server

    @pytest.fixture
    def variables(self, ollama):
        return {"OLLAMA_ENDPOINT": ollama.url}

    def copy(self, ollama, name):
        httpx.post(f"{ollama.url}/api/copy", json={"source": ollama.model, "destination": name}).raise_for_status()

    def test_used(self, open_tab, ollama, tmp_path):
        page, other = open_tab(), open_tab()
        one = row(page, ollama.model)
        expect(one).to_contain_text("Gemma3 Tiny")
        expect(one.locator(".model-facts")).to_have_text(re.compile(r"459K · 1\.8\d\sMB"))
        expect(one.locator(".model-mark")).to_have_count(0)
        expect(column(page).locator(".model-where")).to_have_text(f"@ {ollama.port}")
        one.get_by_role("button", name=texts.activate("Gemma3 Tiny")).click()
        for tab in (page, other):
            expect(row(tab, ollama.model).locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])
            expect(tab.locator(".model-doing")).to_be_hidden()
        assert dotenv_values(tmp_path / ".env") == {"LLM_MODEL_NAME": ollama.model}
        # What is in use is neither activated nor removed, and says why.
        expect(one.get_by_role("button", name=texts.activate("Gemma3 Tiny"))).to_have_count(0)
        expect(one.get_by_role("button", name=texts.remove("Gemma3 Tiny"))).to_have_count(0)
        one.get_by_role("button", name=texts.why_not("Gemma3 Tiny")).click()
        expect(page.get_by_role("note")).to_contain_text(texts.ONLY_ACTIVE)

    def test_the_active_one_is_loaded_again(self, open_tab, ollama):
        page = open_tab()
        row(page, ollama.model).get_by_role("button", name=texts.activate("Gemma3 Tiny")).click()
        expect(row(page, ollama.model).locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])
        httpx.post(f"{ollama.url}/api/generate", json={"model": ollama.model, "keep_alive": 0}).raise_for_status()
        expect(row(page, ollama.model).locator(".model-mark")).to_have_text([texts.ACTIVE, texts.NOT_LOADED])
        expect(page.get_by_role("button", name=texts.activate("Gemma3 Tiny"))).to_have_count(0)
        row(page, ollama.model).get_by_role("button", name=texts.load("Gemma3 Tiny")).click()
        expect(row(page, ollama.model).locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])
        expect(page.get_by_role("button", name=texts.load("Gemma3 Tiny"))).to_have_count(0)

    def test_removed(self, open_tab, ollama):
        self.copy(ollama, "copy:tiny")
        page, other = open_tab(), open_tab()
        remove = row(page, "copy:tiny").get_by_role("button", name=texts.remove("Copy Tiny"))
        remove.click()
        words = re.compile(r"copy:tiny is deleted from the disk of Ollama, which frees up to 1\.8\d MB")
        expect(page.get_by_role("dialog")).to_contain_text(words)
        confirm(page, common.CANCEL)
        expect(page.get_by_role("dialog")).to_have_count(0)
        remove.click()
        confirm(page, texts.REMOVE)
        for tab in (page, other):
            expect(row(tab, "copy:tiny")).to_have_count(0)
            expect(rows(tab)).to_have_count(1)
        assert [model["name"] for model in httpx.get(f"{ollama.url}/api/tags").json()["models"]] == [ollama.model]

    def test_fetched(self, open_tab, ollama, registry, tmp_path):
        """Bytes, rate and time left while they come, in every tab; then the model is there and can be used."""
        httpx.request("DELETE", f"{ollama.url}/api/delete", json={"model": ollama.model}).raise_for_status()
        page, other = open_tab(), open_tab()
        expect(column(page)).to_contain_text(texts.NO_MODELS_YET)
        fetch(page, registry.model)
        expect(page.get_by_label(FETCHES)).to_have_value("")
        registry.give(0.5)
        for tab in (page, other):
            doing = tab.locator(".model-doing")
            expect(doing).to_contain_text("Fetching Tiny Pulled")
            expect(doing.locator(".model-figures")).to_have_text(re.compile(r"927 kB of 1\.85 MB"))
            expect(doing.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"0\.5"))
            expect(doing.locator(".model-step")).to_contain_text("pulling ")
            expect(doing.locator(".model-doing-for")).to_have_text(re.compile(r"for \d+ s"))
        part, rate = 0.5, re.compile(r" MB of 1\.85 MB · \d+(\.\d+)? [kM]?B/s")

        def seen_while_it_comes() -> bool:
            nonlocal part
            part += (0.74 - part) / 50
            registry.give(part)
            return rate.search(page.locator(".model-figures").inner_text()) is not None

        eventually(seen_while_it_comes)
        registry.give(0.75)
        late = open_tab()
        expect(late.locator(".model-figures")).to_contain_text("1.39 MB of 1.85 MB")
        expect(column(late).get_by_role("button", name=texts.FETCH)).to_be_disabled()
        registry.give(1)
        for tab in (page, other, late):
            expect(row(tab, registry.model)).to_contain_text("Tiny Pulled")
            expect(tab.locator(".model-doing")).to_be_hidden()
        row(late, registry.model).get_by_role("button", name=texts.activate("Tiny Pulled")).click()
        expect(row(page, registry.model).locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])
        assert dotenv_values(tmp_path / ".env") == {"LLM_MODEL_NAME": registry.model}

    def test_given_up(self, open_tab, ollama, registry):
        httpx.request("DELETE", f"{ollama.url}/api/delete", json={"model": ollama.model}).raise_for_status()
        page, other = open_tab(), open_tab()
        registry.give(0.5)
        fetch(page, registry.model)
        for tab in (page, other):
            expect(tab.locator(".model-figures")).to_have_text(re.compile(r"927 kB of 1\.85 MB"))
        other.get_by_role("button", name=texts.cancel(Kind.INSTALL, registry.model)).click()
        for tab in (page, other):
            expect(tab.locator(".model-doing")).to_be_hidden()
            expect(tab.locator(".model-failure")).to_be_hidden()
        registry.wait_until_left()
        expect(column(page).get_by_role("button", name=texts.FETCH)).to_be_enabled()
        expect(rows(page)).to_have_count(0)

    def test_not_fetched(self, open_tab, ollama, registry):
        """What Ollama says stays until somebody has taken note of it."""
        page, other = open_tab(), open_tab()
        expect(rows(other)).to_have_count(1)
        missing = registry.model.replace("pulled", "missing")
        fetch(page, missing)
        for tab in (other, page):  # however soon it was over
            failure = tab.locator(".models-operations").get_by_role("alert")
            expect(failure).to_contain_text("Fetching Tiny Missing failed")
            expect(failure).to_contain_text(f"Ollama does not get {missing}: pull model manifest: file does not exist")
        failure.get_by_role("button", name=texts.DISMISS).click()
        expect(failure).to_be_hidden()

    def test_words_that_are_no_name(self, open_tab, ollama):
        page = open_tab()
        field = page.get_by_label(FETCHES)
        column(page).get_by_role("button", name=texts.FETCH).click()
        expect(column(page)).to_contain_text(texts.FETCH_NOTHING)
        fetch(page, "-rf")
        expect(column(page)).to_contain_text(texts.no_name("-rf"))
        field.fill("gemma3")
        expect(column(page)).not_to_contain_text("is no name")

    def test_one_that_goes_and_comes_back(self, open_tab, ollama):
        page = open_tab()
        expect(rows(page)).to_have_count(1)
        ollama.kill()
        expect(column(page).locator(".model-offline")).to_have_text(re.compile(r"offline for \d+ s"))
        expect(column(page)).to_contain_text(texts.UNKNOWN_NOW)
        expect(rows(page)).to_have_count(0)
        expect(page.get_by_label(FETCHES)).to_be_hidden()
        ollama.start()
        expect(rows(page)).to_have_count(1)
        expect(column(page).locator(".model-offline")).to_have_text("")
        expect(page.get_by_label(FETCHES)).to_be_visible()


class TestMany:
    @pytest.fixture
    def variables(self):
        models = [{"name": f"model-{number}:latest", "model": f"model-{number}:latest", "size": 10**9} for number in range(100)]
        pages = {"/api/tags": Page(body=json.dumps({"models": models}).encode()), "/api/ps": Page(body=b'{"models": []}')}
        with ReplayServer(OLLAMA | pages) as server:
            yield {"OLLAMA_ENDPOINT": server.url}

    def test_a_model_is_seen_however_little_room_there_is(self, open_tab):
        page = open_tab(viewport={"width": 1280, "height": 480})
        expect(rows(page)).to_have_count(100)
        whole = column(page).get_by_role("list")
        eventually(lambda: whole.evaluate("list => list.clientHeight >= list.firstElementChild.offsetHeight"))

    @pytest.mark.parametrize("keyboard", [False, True])
    def test_the_chat_finds_one_by_its_name(self, open_tab, keyboard):
        page = open_tab(viewport={"width": 1280, "height": 800})
        server, model = (page.get_by_role("combobox", name=name) for name in (chat.SERVER, chat.MODEL))
        server.click()
        page.get_by_role("option", name="Ollama").click()
        expect(model).to_have_value(chat.USUAL_MODEL)
        options = page.get_by_role("option")
        if keyboard:
            page.keyboard.press("Tab")
            expect(model).to_be_focused()
        else:
            model.click()
        page.keyboard.type("del-4")  # what was chosen before gives way
        expect(options).to_have_text(["model-4:latest", *(f"model-{number}:latest" for number in range(40, 50))])
        page.keyboard.type("2")
        expect(options).to_have_text(["model-42:latest"])
        if keyboard:
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
        else:
            options.click()
        expect(options).to_have_count(0)
        expect(model).to_have_value("model-42:latest")
        page.keyboard.press("Escape")
        model.click()
        expect(page.get_by_role("option", name="model-41:latest")).to_be_visible()  # all of them again
        page.keyboard.type("no such model")
        expect(page.locator(".q-menu").get_by_text(chat.NO_MODEL_MATCHES)).to_be_visible()
        page.keyboard.press("Escape")
        expect(model).to_have_value("model-42:latest")

    def test_found_by_name(self, open_tab):
        page = open_tab(viewport={"width": 1280, "height": 800})
        expect(rows(page)).to_have_count(100)
        eventually(lambda: page.evaluate("document.documentElement.scrollHeight <= innerHeight"))
        count = column(page).locator(".model-count")
        expect(count).to_have_text("100")
        last = row(page, "model-99:latest")
        last.scroll_into_view_if_needed()
        expect(last.get_by_role("button", name=texts.activate("Model 99 Latest"))).to_be_in_viewport()
        page.get_by_label(texts.filter_of("Ollama")).fill("MODEL 42")
        expect(rows(page)).to_have_count(1)
        expect(count).to_have_text("1 of 100")
        page.get_by_label(texts.filter_of("Ollama")).fill("nothing of the kind")
        expect(column(page)).to_contain_text(texts.NO_MATCH)
        page.get_by_label(texts.filter_of("Ollama")).fill("")
        expect(rows(page)).to_have_count(100)


class TestSeveral:
    @pytest.fixture
    def variables(self):
        with ReplayServer(OLLAMA) as one, ReplayServer(OLLAMA) as other:
            yield {"OLLAMA_ENDPOINT": f"small={one.url},big={other.url}"}

    def test_whose_each_is(self, open_tab):
        page = open_tab()
        expect(rows(page).locator(".model-facts")).to_contain_text(["Ollama (big)", "Ollama (small)"])
        expect(column(page).locator(".model-where")).to_contain_text(["Ollama (small) @ ", "Ollama (big) @ "])
        page.get_by_label(texts.FETCH_FROM).click()
        expect(page.get_by_role("option")).to_have_text(["Ollama (small)", "Ollama (big)"])


class TestVllm:
    @pytest.fixture
    def place(self, tmp_path):
        with Place(tmp_path) as one:
            yield one

    @pytest.fixture
    def variables(self, place, tmp_path):
        for name in ("gemma-3-4b-it", "broken-7b"):
            shutil.copytree(tiny_model.build() / "tiny-hf", tmp_path / "models" / name)
        (tmp_path / "models/half").mkdir()
        (tmp_path / "models/half/config.json").write_text("{}")
        script = f"{ROOT}/scripts/llm/vllm_service.sh"
        return {
            "VLLM_ENDPOINT": f"{place.url}/v1",
            "VLLM_START_COMMAND": f"{script} start",
            "VLLM_STOP_COMMAND": f"{script} stop",
            "VLLM_COMMAND": shlex.join([sys.executable, str(STANDIN)]),
        }

    def test_served_in_anothers_place(self, open_tab, tmp_path):
        page, other = open_tab(), open_tab()
        expect(row(page, "models/half", "vLLM")).to_contain_text("there are no weights in it")
        good, broken = row(page, "models/gemma-3-4b-it", "vLLM"), row(page, "models/broken-7b", "vLLM")
        expect(good).to_contain_text(texts.NOT_SERVED)
        doing = "Activating Gemma 3 4B It"
        with passing(page, doing), passing(other, doing):
            good.get_by_role("button", name=texts.activate("Gemma 3 4B It")).click()  # nothing runs there: nobody is asked
        expect(good.locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])
        assert dotenv_values(tmp_path / ".env") == {"LLM_MODEL_NAME": "models/gemma-3-4b-it"}
        broken.get_by_role("button", name=texts.activate("Broken 7B")).click()
        expect(page.get_by_role("dialog")).to_contain_text("vLLM is restarted with it")
        confirm(page, common.CANCEL)
        broken.get_by_role("button", name=texts.activate("Broken 7B")).click()
        confirm(page, texts.ACTIVATE)
        for tab in (page, other):
            failure = tab.locator(".models-operations").get_by_role("alert")
            expect(failure).to_contain_text("Activating Broken 7B failed")
            failure.get_by_text(texts.LAST_LINES).click()
            expect(failure.locator(".model-lines")).to_contain_text("cannot load 'models/broken-7b'")
            expect(failure.locator(".model-lines")).to_contain_text("LLM_MODEL_NAME is models/gemma-3-4b-it again.")
        expect(good.locator(".model-mark")).to_have_text([texts.ACTIVE, texts.LOADED])

    def test_steps_by_hand(self, open_tab):
        page = open_tab()
        column(page, "vLLM").get_by_role("button", name=texts.HOW_TO_GET).click()
        expect(page.get_by_role("note")).to_contain_text("hf download ORG/NAME --local-dir models/NAME")

    def test_kinds_of_which_there_is_none(self, open_tab):
        page = open_tab()
        page.get_by_role("button", name="No server known: Ollama, llama.cpp, OpenAI").click()
        expect(page.get_by_role("note")).to_contain_text("Ollama: set OLLAMA_ENDPOINT to where it is, or will be.")


class TestWithoutCommands:
    @pytest.fixture
    def variables(self, tmp_path):
        shutil.copytree(tiny_model.build() / "tiny-hf", tmp_path / "models" / "tiny")
        closed = ClosedPort()
        with ReplayServer(LLAMA_SERVER) as llama:
            yield {"VLLM_ENDPOINT": closed.url, "LLAMACPP_ENDPOINT": llama.url}
        closed.close()

    def test_what_cannot_be_done_says_why(self, open_tab):
        page = open_tab()
        one = row(page, "models/tiny", "vLLM")
        expect(one).to_be_visible()
        expect(one.get_by_role("button")).to_have_count(1)
        one.get_by_role("button", name=texts.why_not("Tiny")).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("note")).to_contain_text("VLLM_START_COMMAND")
        expect(page.get_by_role("note")).to_contain_text("rm -r models/tiny")
        page.keyboard.press("Escape")
        expect(page.get_by_role("note")).to_have_count(0)
        column(page, "llama.cpp").get_by_role("button", name=texts.HOW_TO_GET).click()
        expect(page.get_by_role("note")).to_contain_text("-m models/FILE.gguf")


class TestNobody:
    def test_nothing_is_known(self, open_tab):
        page = open_tab()
        expect(page.get_by_role("region", name=texts.MODELS, exact=True)).to_contain_text(texts.NO_SERVERS)


class TestNoFolders:
    @pytest.fixture
    def variables(self):
        closed = ClosedPort()
        yield {"VLLM_ENDPOINT": closed.url, "LLM_MODELS_DIR": "elsewhere"}
        closed.close()

    def test_the_directory_of_models_is_missing(self, open_tab):
        page = open_tab()
        expect(column(page, "vLLM")).to_contain_text("There is no directory elsewhere: LLM_MODELS_DIR says")
