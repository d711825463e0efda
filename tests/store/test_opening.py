"""Which files are opened, which are refused, and that a refused one stays as it was."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.otlp import chat, traces
from support.patience import WAIT_S

from venom_otel.errors import StoreError, StoreFormatError
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.schema import APPLICATION_ID, current_version
from venom_otel.store.embedded.sql import versions
from venom_otel.store.protocol import RequestFilter, Signal


def make(path, *statements):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def files(path):
    return {entry.name: entry.read_bytes() for entry in path.parent.iterdir() if entry.suffix != ".lock"}


def text(path):
    path.parent.mkdir(parents=True)
    path.write_text("my diary\n" * 100)


def empty(path):
    path.parent.mkdir(parents=True)
    path.touch()


def another_program(path):
    make(path, "PRAGMA application_id = 7", "CREATE TABLE spans(id)", "INSERT INTO spans VALUES(1)")


def no_program(path):
    make(path, "CREATE TABLE spans(id)")


def another_program_with_a_log(path):
    make(path, "PRAGMA journal_mode = WAL", "CREATE TABLE spans(id)")


@pytest.mark.parametrize("foreign", [text, empty, another_program, no_program, another_program_with_a_log])
def test_a_foreign_file_is_refused_in_words_and_left_as_it_was(path, foreign):
    foreign(path)
    before = files(path)
    with pytest.raises(StoreFormatError, match=r"not a store of venom-otel and is left untouched.*VENOM_OTEL_DATA_DIR"):
        EmbeddedStore(path)
    assert files(path) == before


def test_a_newer_version_is_refused_in_words_and_left_as_it_was(path):
    newer = current_version() + 1
    make(path, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {newer}", "CREATE TABLE of_the_future(id)")
    before = files(path)
    with pytest.raises(StoreFormatError, match=rf"store version {newer}, this one knows {current_version()}.*Upgrade venom-otel"):
        EmbeddedStore(path)
    assert files(path) == before


def test_a_newer_version_that_still_lies_in_the_log_is_refused(path):
    EmbeddedStore(path, min_free_bytes=0).close()
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('PRAGMA wal_autocheckpoint = 0'); c.execute('PRAGMA user_version = 99')\n"
        "os._exit(0)  # as kill -9 does: no checkpoint\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    with pytest.raises(StoreFormatError, match="store version 99"):
        EmbeddedStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_only_one_process_writes(path):
    script = (
        "import sys, pathlib\n"
        "from venom_otel.store.embedded import EmbeddedStore\n"
        "store = EmbeddedStore(pathlib.Path(sys.argv[1]), min_free_bytes=0)\n"
        "print('open', flush=True); sys.stdin.read(); store.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=rf"written by another venom-otel \(process {other.pid}\)"):
            EmbeddedStore(path)
        other.communicate()
    EmbeddedStore(path, min_free_bytes=0).close()


async def test_a_store_that_was_being_made_when_its_process_died_is_made_again(path):
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}.new").write_bytes(b"half a store")
    with EmbeddedStore(path, min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
        assert len(await store.requests(RequestFilter(), 10)) == 1
    assert not path.with_name(f"{path.name}.new").exists()


def test_a_directory_that_cannot_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "a file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        EmbeddedStore(tmp_path / "a file" / "telemetry.db")


def test_a_damaged_store_is_an_error_in_words(path):
    EmbeddedStore(path, min_free_bytes=0).close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 20_000)
    with pytest.raises(StoreError, match="cannot be opened"):
        EmbeddedStore(path)


def test_closing_leaves_one_file_and_the_lock(path):
    with EmbeddedStore(path, min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


def test_every_version_has_its_number_and_its_reason():
    assert [version.number for version in versions()] == list(range(1, len(versions()) + 1))
    assert all(len(version.reason.split()) > 3 for version in versions())


def test_a_file_of_this_version_says_so(path):
    EmbeddedStore(path, min_free_bytes=0).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (current_version(),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
