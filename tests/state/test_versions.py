"""The state's file among programs of different versions: an older file is brought up to date, a newer one refused in words."""

import sqlite3
from contextlib import closing
from dataclasses import fields, is_dataclass

import pytest
from support.cockpit import command

from venom_otel.errors import StateError
from venom_otel.services.tasks.model import Fallback, Party, Task, TaskError, TaskStatus
from venom_otel.state import schema
from venom_otel.state.model import Kind, Operation, OperationState, Outcome, Wanted
from venom_otel.state.sql import statement, versions
from venom_otel.state.store import FILE, State
from venom_otel.state.tasks import KeptTasks, TaskRow

CANCELLED = Operation(
    "op-1", Wanted(Kind.INSTALL, "ollama", "ollama", "gemma3:4b", "page"), OperationState.CANCELLED, 1_000, 2_000, "given up"
)
BEFORE_CANCELLED = 3

LAYOUT = {
    Kind: {"start", "stop", "restart", "activate", "install", "remove"},
    OperationState: {"running", "succeeded", "failed", "interrupted", "cancelled"},
    Outcome: {"begun", "succeeded", "failed", "interrupted", "cancelled", "refused"},
    TaskStatus: {"PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "LOST"},
    Task: {
        *("id", "status", "created_ns", "party", "asked_provider", "session", "started_ns", "finished_ns", "duration_s", "first_token_s"),
        *("identity_source", "response_model", "finish_reason", "input_tokens", "output_tokens", "speed"),
        *("trace_id", "request_ids", "fallback", "error"),
    },
    TaskError: {"kind", "code", "words"},
    Party: {"service_id", "provider", "model", "endpoint"},
    Fallback: {"source", "target", "reason", "code"},
}
"""What a file of the newest version may hold."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / FILE


def test_what_a_file_may_hold_belongs_to_its_version():
    """A program that does not know a word or a field cannot read it: who changes them begins a version, in `state/sql/schema`."""
    known = {kind: {field.name for field in fields(kind)} if is_dataclass(kind) else set(kind) for kind in LAYOUT}
    assert known == LAYOUT
    assert len(versions()) == 5


def test_a_program_that_does_not_know_all_states_is_kept_away(path, monkeypatch):
    with State(path) as state:
        state.begun(CANCELLED)
        state.finished(CANCELLED)
    content = path.read_bytes()
    monkeypatch.setattr(schema, "versions", lambda: versions()[:BEFORE_CANCELLED])
    with pytest.raises(StateError, match=r"newer venom-otel \(state version 5, this one knows 3\).*Upgrade venom-otel"):
        State(path)
    assert path.read_bytes() == content
    monkeypatch.undo()
    with State(path) as state:
        assert state.operation("op-1") == CANCELLED


@pytest.mark.parametrize("version", range(1, 4))
def test_an_older_file_is_brought_up_to_date_with_all_that_is_in_it(path, monkeypatch, version):
    path.parent.mkdir()
    monkeypatch.setattr(schema, "versions", lambda: versions()[:version])
    with closing(schema.open_state(path)) as older:
        asked = {"kind": "start", "server": "vllm", "provider": "vllm", "model": None, "asked_by": "token"}
        times = {"created_ns": 1_000, "finished_ns": 2_000, "error": None}
        older.execute(statement("insert_operation"), {"id": "old", **asked, **times, "state": "succeeded"})
        if version >= 3:
            older.execute(statement("insert_task"), TaskRow("task", True, "{}")._asdict())
    monkeypatch.undo()
    with State(path) as state:
        assert state.operation("old").state is OperationState.SUCCEEDED
        assert KeptTasks(state).newest(10) == (["{}"] if version >= 3 else [])
        state.begun(CANCELLED)
        state.finished(CANCELLED)
        assert state.operation("op-1") == CANCELLED
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (len(versions()),)


def test_up_says_so_in_one_line(tmp_path):
    path = tmp_path / "data" / FILE
    State(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(versions()) + 1}")
    ended = command("up", "--data-dir", str(path.parent), "--port", "0", "--otlp-port", "0", home=tmp_path)
    assert ended.returncode == 2
    assert f"{FILE} was written by a newer venom-otel" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
