"""Where things are, for answers that lead to others."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/api/v1"
SERVERS: Final = "/system/llm-servers"
OPERATIONS: Final = "/operations"
MODELS: Final = "/models"
TASKS: Final = "/tasks"
REQUESTS: Final = "/history/requests"


def server(name: str) -> str:
    """The path of a model server."""
    return f"{PREFIX}{SERVERS}/{name}"


def operation(operation_id: str) -> str:
    """The path of an operation."""
    return f"{PREFIX}{OPERATIONS}/{operation_id}"


def stream(operation_id: str) -> str:
    """The path of what happens to an operation."""
    return f"{operation(operation_id)}/stream"


def task(task_id: str) -> str:
    """The path of a task."""
    return f"{PREFIX}{TASKS}/{task_id}"


def task_stream(task_id: str) -> str:
    """The path of what happens to a task."""
    return f"{task(task_id)}/stream"


def request(request_id: str) -> str:
    """The path of a request in the history."""
    return f"{PREFIX}{REQUESTS}/{request_id}"
