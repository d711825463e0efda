"""How long a test waits for what is sure to come.

A machine may be slow, and stand still for seconds. Where things work nobody waits for long, so that the limit costs nothing; where they do
not, a test says so after this time instead of hanging.
"""

from __future__ import annotations

import inspect
from typing import Final

import httpx

WAIT_S: Final = 100.0
"""Well below pytest's own limit for a test."""


def be_patient_with_http() -> None:
    """Let httpx wait as long, in this process, wherever it is told no time; else it gives up after five seconds."""
    usual = inspect.signature(httpx.Client).parameters["timeout"].default
    usual.connect = usual.read = usual.write = usual.pool = WAIT_S
