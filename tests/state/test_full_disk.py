"""A full disk: nothing is done that cannot be kept, reads go on, and it recovers by itself."""

import contextlib

import httpx
import pytest
from support.acting import Place
from support.cockpit import Cockpit
from support.patience import WAIT_S
from support.small_disk import seen_by, unshare, within

MIB = 1024 * 1024
TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SERVER = "/api/v1/system/llm-servers/ollama"


def fill(folder):
    """Take all the room there is, to the last byte."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as taken:
        while True:
            taken.write(bytes(4096))


def begun(cockpit, action):
    return httpx.post(f"{cockpit.page}{SERVER}/{action}", headers=AUTHORIZED, timeout=WAIT_S)


def finished(cockpit, answer):
    """How an operation ended."""
    httpx.get(f"{cockpit.page}{answer.json()['links']['stream']}", timeout=WAIT_S)  # ends with it
    return httpx.get(f"{cockpit.page}{answer.json()['links']['operation']}").json()["state"]


@pytest.fixture
def place(tmp_path):
    with Place(tmp_path) as place:
        yield place


@pytest.fixture
def cockpit(place):
    if not unshare():
        pytest.skip("needs a small file system: root, or unshare with user namespaces")
    (place.folder / "data").mkdir()
    return Cockpit(
        place.folder,
        within=within(place.folder / "data", 24 * MIB),
        VENOM_OTEL_MIN_FREE_BYTES="0",
        VENOM_OTEL_TOKEN=TOKEN,
        OLLAMA_ENDPOINT=place.url,
        OLLAMA_START_COMMAND=place.command(),
    )


def test_no_room_and_room_again(cockpit, place):
    with cockpit:
        disk = seen_by(cockpit.process.pid, place.folder / "data")
        first = begun(cockpit, "start")
        assert finished(cockpit, first) == "succeeded"
        fill(disk)
        refused = begun(cockpit, "stop")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "Check the directory's permissions and free space" in refused.json()["detail"]
        assert httpx.get(f"{cockpit.page}{first.json()['links']['operation']}").json()["state"] == "succeeded"
        assert httpx.get(f"{cockpit.page}/api/v1/audit").json()["items"]
        (disk / "ballast").unlink()
        again = begun(cockpit, "stop")
        assert again.status_code == 202, again.text
        assert finished(cockpit, again) == "succeeded"
