"""Keeps `venom-otel up` out of its own telemetry.

By itself nothing sets up an SDK here, whatever OTEL_* says. But `opentelemetry-instrument`, or an operator by PYTHONPATH, does so in any
Python process. Then each request that the receiver takes would make a span, which is sent to the receiver, which makes a span.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Collection

_SWITCH: Final = "OTEL_SDK_DISABLED"
"""https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration"""


def without_sdk(from_dotenv: Collection[str]) -> None:
    """Start this program anew with the SDK switched off where somebody has set one up in it; call it before anything is opened.

    Args:
        from_dotenv: variables that were read from `.env`; they are read there again, and do not become the environment's.
    """
    provider = type(trace.get_tracer_provider())
    if provider.__module__.startswith("opentelemetry.sdk.") and os.environ.get(_SWITCH, "").lower() != "true":
        environment = {name: value for name, value in os.environ.items() if name not in from_dotenv}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**environment, _SWITCH: "true"})  # noqa: S606 - no shell is meant
