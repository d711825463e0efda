"""Where things are, for answers that lead to others."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/api/v1"
SERVERS: Final = "/system/llm-servers"
OPERATIONS: Final = "/operations"
MODELS: Final = "/models"


def server(name: str) -> str:
    """The path of a model server."""
    return f"{PREFIX}{SERVERS}/{name}"


def operation(operation_id: str) -> str:
    """The path of an operation."""
    return f"{PREFIX}{OPERATIONS}/{operation_id}"


def stream(operation_id: str) -> str:
    """The path of what happens to an operation."""
    return f"{operation(operation_id)}/stream"
