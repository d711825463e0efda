"""What is kept of operations, and in whose hands the file is left."""

import os
import sqlite3
import stat
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from venom_otel.errors import StateError
from venom_otel.state import store as module
from venom_otel.state.model import AuditEntry, Kind, Operation, OperationState, Outcome, Wanted
from venom_otel.state.store import State

WANTED = Wanted(Kind.START, "vllm", "vllm", None, "token")
DAY_NS = 86_400 * 1_000_000_000


def operation(number=1, server="vllm", created_ns=1_000):
    return Operation(f"op-{number}", replace(WANTED, server=server), OperationState.RUNNING, created_ns)


def ended(begun, state=OperationState.SUCCEEDED, error=None):
    return replace(begun, state=state, finished_ns=begun.created_ns + 500, error=error)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "state.sqlite3"


def test_an_operation_from_its_beginning_to_its_end(path):
    with State(path) as state:
        begun = operation()
        state.begun(begun)
        assert state.operation("op-1") == begun
        failed = ended(begun, OperationState.FAILED, "it ended with status 1")
        state.finished(failed)
        assert state.operation("op-1") == failed
        assert state.operation("op-2") is None
        assert state.audit(None, 10).items == [
            AuditEntry(1_500, WANTED, Outcome.FAILED, "it ended with status 1", "op-1"),
            AuditEntry(1_000, WANTED, Outcome.BEGUN, None, "op-1"),
        ]


def test_all_that_is_known_of_what_was_wanted(path):
    wanted = Wanted(Kind.INSTALL, "ollama", "ollama", "gemma3:4b", "page")
    now = time.time_ns()
    with State(path) as state:
        state.begun(Operation("a", wanted, OperationState.RUNNING, now))
        state.refused(wanted, "no room", now + 1)
    with State(path) as state:
        assert state.operation("a").wanted == wanted
        assert state.audit(None, 10).items[1] == AuditEntry(now + 1, wanted, Outcome.REFUSED, "no room", None)


def test_the_newest_first_and_by_server(path):
    with State(path) as state:
        for number in range(4):
            state.begun(operation(number, "vllm" if number % 2 else "ollama"))
        assert [each.id for each in state.operations(None, 3)] == ["op-3", "op-2", "op-1"]
        assert [each.id for each in state.operations("ollama", 3)] == ["op-2", "op-0"]
        assert state.operations("nobody", 3) == []


def test_the_audit_page_by_page_while_more_comes(path):
    with State(path) as state:
        for number in range(5):
            state.refused(WANTED, str(number), number)
        first = state.audit(None, 2)
        state.refused(WANTED, "new", 9)
        second = state.audit(first.older, 2)
        third = state.audit(second.older, 2)
        assert [[each.detail for each in page.items] for page in (first, second, third)] == [["4", "3"], ["2", "1"], ["0"]]
        assert third.older is None
        assert state.audit(None, 10, "vllm").items == state.audit(None, 10).items
        assert state.audit(None, 10, "ollama").items == []


def test_what_was_running_when_the_program_ended_is_interrupted(path):
    now = time.time_ns()
    with State(path) as state:
        state.begun(operation(1, created_ns=now))
        state.begun(operation(2, created_ns=now))
        state.finished(ended(operation(2, created_ns=now)))
    with State(path) as state:
        interrupted = state.operation("op-1")
        assert interrupted.state is OperationState.INTERRUPTED
        assert interrupted.finished_ns > now
        assert state.operation("op-2").state is OperationState.SUCCEEDED
        assert [(each.operation_id, each.outcome) for each in state.audit(None, 1).items] == [("op-1", Outcome.INTERRUPTED)]
    with State(path) as state:
        assert state.operation("op-1") == interrupted
        assert len(state.audit(None, 10).items) == 4


def test_bounded_by_number(path, monkeypatch):
    monkeypatch.setattr(module, "MOST_OPERATIONS", 3)
    monkeypatch.setattr(module, "MOST_AUDITED", 4)
    with State(path) as state:
        state.begun(operation(0))
        for number in range(1, 6):
            state.begun(operation(number))
            state.finished(ended(operation(number)))
        # One that runs stays, however many came after it.
        assert [each.id for each in state.operations(None, 10)] == ["op-5", "op-4", "op-3", "op-0"]
        assert [each.operation_id for each in state.audit(None, 10).items] == ["op-5", "op-5", "op-4", "op-4"]


def test_what_was_refused_is_bounded_too(path, monkeypatch):
    monkeypatch.setattr(module, "MOST_AUDITED", 3)
    with State(path) as state:
        for number in range(5):
            state.refused(WANTED, str(number), number)
        assert [each.detail for each in state.audit(None, 10).items] == ["4", "3", "2"]
        state.refused(WANTED, "much later", 400 * DAY_NS + 4)
        assert [each.detail for each in state.audit(None, 10).items] == ["much later", "4"]


def test_bounded_by_age(path):
    with State(path) as state:
        for number, day in enumerate((1, 200, 500)):
            state.begun(operation(number, created_ns=day * DAY_NS))
            state.finished(ended(operation(number, created_ns=day * DAY_NS)))
        assert [each.id for each in state.operations(None, 10)] == ["op-2", "op-1"]
        assert [each.operation_id for each in state.audit(None, 10).items] == ["op-2", "op-2", "op-1", "op-1"]


def test_only_its_owner_reads_it(path):
    before = os.umask(0)
    try:
        with State(path) as state:
            state.begun(operation())
            beside = sorted(path.parent.iterdir())
            assert {each.name for each in beside} >= {"state.sqlite3", "state.sqlite3-wal"}
            assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}
    finally:
        os.umask(before)


@pytest.mark.parametrize("content", [b"mine, and no database", b"SQLite format 3\x00" + bytes(84)], ids=["text", "sqlite"])
def test_a_file_of_another_program_is_left_alone(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateError, match="is not a file of venom-otel and is left untouched"):
        State(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_a_newer_version_is_left_alone(path):
    State(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    content = path.read_bytes()
    with pytest.raises(StateError, match=r"newer venom-otel \(state version 99, this one knows \d+\).*Upgrade venom-otel"):
        State(path)
    assert path.read_bytes() == content


def test_a_file_that_was_never_finished_is_made_anew(path):
    path.parent.mkdir()
    path.touch()
    with State(path) as state:
        state.begun(operation())
        assert len(state.operations(None, 10)) == 1


def test_where_it_cannot_be_made_it_is_tried_again(path, caplog):
    path.mkdir(parents=True)
    with State(path) as state:
        assert "cannot be opened" in caplog.text
        for call in (lambda: state.begun(operation()), lambda: state.operations(None, 1), lambda: state.audit(None, 1)):
            with pytest.raises(StateError, match="Check the directory's permissions and free space"):
                call()
        path.rmdir()
        state.begun(operation())
        assert len(state.operations(None, 1)) == 1


def test_what_is_closed_is_not_opened_again(path):
    with State(path) as state:
        state.begun(operation())
    for call in (lambda: state.finished(ended(operation())), lambda: state.operation("op-1")):
        with pytest.raises(StateError, match="is closed: venom-otel is ending"):
            call()
    with State(path) as state:
        assert state.operation("op-1").state is OperationState.INTERRUPTED


def test_somebody_else_writes_for_long(path):
    with State(path) as state, closing(sqlite3.connect(path, isolation_level=None)) as other:
        state.begun(operation(1))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="database is locked"):
            state.begun(operation(2))
        assert state.operation("op-1") is not None
        other.execute("ROLLBACK")
        state.begun(operation(2))
        assert [each.id for each in state.operations(None, 10)] == ["op-2", "op-1"]


def test_from_many_threads(path):
    with State(path) as state:

        def work(server):
            for number in range(20):
                begun = operation(f"{server}-{number}", server)
                state.begun(begun)
                state.finished(ended(begun))

        threads = [threading.Thread(target=work, args=(server,)) for server in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = state.operations(None, 100)
        assert len(found) == 80
        assert {each.state for each in found} == {OperationState.SUCCEEDED}
        assert len(state.audit(None, 200).items) == 160
