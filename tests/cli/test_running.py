"""The token and `up.json`: what `venom-otel up` leaves for other commands, and for its owner alone."""

import json
import os
import re
import signal
import stat
import subprocess

import pytest
from support.cockpit import PROGRAM, Application, Cockpit, command, environment
from support.patience import WAIT_S

from venom_otel.cli.running import Running
from venom_otel.cli.token import token
from venom_otel.errors import SettingsError, StoreError
from venom_otel.settings import CockpitSettings


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def cockpit(tmp_path):
    with Cockpit(tmp_path) as running:
        yield running


def test_one_token_from_the_first_start_on(tmp_path):
    first = token(CockpitSettings(), tmp_path)
    assert re.fullmatch(r"[\w-]{43}", first)  # 32 random bytes
    assert mode(tmp_path / "token") == 0o600
    assert token(CockpitSettings(), tmp_path) == first
    other = tmp_path / "other"
    other.mkdir()
    assert token(CockpitSettings(), other) != first


def test_the_setting_wins_and_leaves_no_file(tmp_path):
    assert token(CockpitSettings(token="a-token-of-my-own"), tmp_path) == "a-token-of-my-own"
    assert not (tmp_path / "token").exists()
    assert token(CockpitSettings(token=""), tmp_path)  # as `VENOM_OTEL_TOKEN=` in a .env file


@pytest.mark.parametrize("given", ["short", "sixteen characters", "sixteen-charäcters", "sixteen-\ncharacters"])
def test_a_setting_that_will_not_do_is_not_shown(tmp_path, given):
    with pytest.raises(SettingsError, match="VENOM_OTEL_TOKEN must have") as caught:
        token(CockpitSettings(token=given), tmp_path)
    assert given not in str(caught.value)


@pytest.mark.parametrize("left", [b"", b"short\n", b"\xff\xfe" * 20])
def test_a_damaged_file_is_replaced(tmp_path, left):
    (tmp_path / "token").write_bytes(left)
    made = token(CockpitSettings(), tmp_path)
    assert (tmp_path / "token").read_text().strip() == made
    assert len(made) == 43


def test_a_file_that_others_can_read_is_closed(tmp_path):
    made = token(CockpitSettings(), tmp_path)
    (tmp_path / "token").chmod(0o644)
    assert token(CockpitSettings(), tmp_path) == made
    assert mode(tmp_path / "token") == 0o600


def test_where_no_token_can_be_kept(tmp_path):
    (tmp_path / "token").mkdir()
    with pytest.raises(StoreError, match=r"the token .+ cannot be kept: Is a directory\."):
        token(CockpitSettings(), tmp_path)


def test_up_json_while_it_runs(cockpit):
    path = cockpit.folder / "data" / "up.json"
    assert mode(path) == 0o600
    written = json.loads(path.read_text())
    assert set(written) == {"pid", "page", "otlp", "otlp_grpc", "token"}
    assert (written["pid"], written["page"], written["otlp"]) == (cockpit.process.pid, cockpit.page, cockpit.otlp)
    assert written["token"] == (cockpit.folder / "data" / "token").read_text().strip()
    found = Running.find(cockpit.folder / "data")
    assert (found.pid, found.page, found.token) == (cockpit.process.pid, cockpit.page, written["token"])
    cockpit.stop()
    assert not path.exists()
    assert Running.find(cockpit.folder / "data") is None


def test_what_kill_leaves_behind_is_told_apart(cockpit):
    directory = cockpit.folder / "data"
    os.kill(cockpit.process.pid, signal.SIGKILL)
    cockpit.process.communicate()
    assert (directory / "up.json").exists()
    assert Running.find(directory) is None
    # The process id may have gone to another program meanwhile.
    stale = json.loads((directory / "up.json").read_text())
    (directory / "up.json").write_text(json.dumps(stale | {"pid": os.getpid()}))
    assert Running.find(directory) is None
    cockpit.start()
    assert Running.find(directory).pid == cockpit.process.pid


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "page": 1, "otlp": "", "otlp_grpc": null, "token": ""}'])
def test_a_damaged_up_json_counts_as_none(tmp_path, left):
    (tmp_path / "up.json").write_text(left)
    assert Running.find(tmp_path) is None


def test_requests_finds_it_without_an_address(cockpit):
    with Application(cockpit.otlp) as application:
        application.request("llama3.2:1b")
    data = {"VENOM_OTEL_DATA_DIR": str(cockpit.folder / "data")}
    ended = command("requests", "--json", home=cockpit.folder, **data)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["llm_model"] == "llama3.2:1b"
    # Whoever names an address is asked there, and nowhere else.
    ended = command("requests", home=cockpit.folder, VENOM_OTEL_URL="http://127.0.0.1:9", **data)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "http://127.0.0.1:9" in ended.stderr


def test_the_token_is_printed_for_a_person_and_not_for_a_log(tmp_path):
    arguments = ["up", "--port", "0", "--otlp-port", "0", "--data-dir", str(tmp_path)]
    for more, shown in (([], True), (["--json"], False)):
        process = subprocess.Popen(
            [PROGRAM, *arguments, *more], env=environment(tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        try:
            words = process.stdout.readline()
            while shown and "Ctrl-C" not in words:
                words += process.stdout.readline()
            assert ((tmp_path / "token").read_text().strip() in words) is shown
            assert shown or json.loads(words)["up_file"] == str(tmp_path / "up.json")
        finally:
            process.terminate()
            assert process.wait(WAIT_S) == 0
            process.stdout.close()
