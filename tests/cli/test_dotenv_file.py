"""The `.env` file as the place where the configured model is kept."""

import os
import re
import stat

import pytest
from dotenv import dotenv_values

from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.errors import SettingsError
from venom_otel.services.configuration import InUse

TEXT = """\
# Servers
VLLM_ENDPOINT=http://localhost:8001/v1   # the large one

# LLM_MODEL_NAME=commented-out
export LLM_MODEL_NAME="old one"
OLLAMA_ENDPOINT='http://localhost:11434'
no variable at all
"""


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """What this process has of it when the test begins; what it does to it is undone."""
    for name in ("LLM_MODEL_NAME", "LLM_LOCAL_ENDPOINT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".env"


@pytest.fixture
def configuration(path, monkeypatch):
    """One whose file sets the model."""
    path.write_text(TEXT)
    monkeypatch.setenv("LLM_MODEL_NAME", "old one")
    return DotenvConfiguration(path, ["LLM_MODEL_NAME", "VLLM_ENDPOINT"])


def test_what_is_changed_and_nothing_else(configuration, path):
    assert configuration.in_use == InUse("old one", "")
    configuration.use(InUse("models/gemma-3-4b-it"))
    assert configuration.in_use == InUse("models/gemma-3-4b-it")
    assert os.environ["LLM_MODEL_NAME"] == "models/gemma-3-4b-it"
    before, after = TEXT.splitlines(), path.read_text().splitlines()
    assert after == ["export LLM_MODEL_NAME='models/gemma-3-4b-it'" if line.startswith("export") else line for line in before]
    assert dotenv_values(path)["LLM_MODEL_NAME"] == "models/gemma-3-4b-it"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_the_mode_stays(configuration, path, mode):
    path.chmod(mode)
    configuration.use(InUse("new"))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [file.name for file in path.parent.iterdir()] == [".env"]


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(path):
    configuration = DotenvConfiguration(path, [])
    configuration.use(InUse("gemma3:4b"))
    configuration.use(InUse("gemma3:1b"))
    assert path.read_text() == "LLM_MODEL_NAME='gemma3:1b'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_endpoint_goes_along_where_it_is_another(configuration, path):
    configuration.use(InUse("a", "http://localhost:8001/v1"))
    assert dotenv_values(path)["LLM_LOCAL_ENDPOINT"] == os.environ["LLM_LOCAL_ENDPOINT"] == "http://localhost:8001/v1"
    configuration.use(InUse("b", "http://localhost:8001/v1"))
    configuration.use(InUse("c"))
    assert "LLM_LOCAL_ENDPOINT" not in dotenv_values(path)
    assert "LLM_LOCAL_ENDPOINT" not in os.environ


def test_going_back_to_nothing(path):
    path.write_text("A=1\n")
    configuration = DotenvConfiguration(path, ["A"])
    configuration.use(InUse("new"))
    configuration.use(InUse())
    assert path.read_text() == "A=1\n"
    assert "LLM_MODEL_NAME" not in os.environ


@pytest.mark.parametrize("value", ["from-the-shell", ""])
def test_the_environment_overrules_the_file(path, monkeypatch, value):
    path.write_text(TEXT)
    monkeypatch.setenv("LLM_MODEL_NAME", value)
    configuration = DotenvConfiguration(path, ["VLLM_ENDPOINT"])
    with pytest.raises(SettingsError, match="LLM_MODEL_NAME is set in the environment in which `venom-otel up` was started"):
        configuration.use(InUse("new"))
    assert path.read_text() == TEXT
    assert os.environ["LLM_MODEL_NAME"] == value
    assert configuration.in_use.model == value


def test_the_environment_overrules_only_what_it_sets(configuration, path, monkeypatch):
    monkeypatch.setenv("LLM_LOCAL_ENDPOINT", "http://here")
    configuration = DotenvConfiguration(path, ["LLM_MODEL_NAME"])
    configuration.use(InUse("new", "http://here"))
    with pytest.raises(SettingsError, match="LLM_LOCAL_ENDPOINT is set in the environment"):
        configuration.use(InUse("newer", "http://there"))
    assert configuration.in_use == InUse("new", "http://here")
    assert dotenv_values(path)["LLM_MODEL_NAME"] == "new"


def test_a_link_leads_to_the_file(configuration, path):
    path.rename(path.with_name("shared.env"))
    path.symlink_to("shared.env")
    configuration.use(InUse("new"))
    assert path.is_symlink()
    assert dotenv_values(path.with_name("shared.env"))["LLM_MODEL_NAME"] == "new"


def test_a_file_that_cannot_be_written(configuration, path):
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(SettingsError, match=re.escape(f"{path} cannot be changed: it is not UTF-8.")):
        configuration.use(InUse("new"))
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be changed: Is a directory"):
        configuration.use(InUse("new"))
    assert configuration.in_use.model == os.environ["LLM_MODEL_NAME"] == "old one"
    assert [file.name for file in path.parent.iterdir()] == [".env"]
    path.rmdir()
    path.parent.rmdir()
    with pytest.raises(SettingsError, match="cannot be changed: No such file or directory"):
        configuration.use(InUse("new"))
    path.parent.mkdir()


@pytest.mark.parametrize("name", ["it's", "a b", "Ünï", "a#b", "a=b"])
def test_any_name_comes_back(configuration, path, name):
    configuration.use(InUse(name))
    assert dotenv_values(path)["LLM_MODEL_NAME"] == name
