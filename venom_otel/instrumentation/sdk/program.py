"""What the running program is called, for ``service.name`` where nobody named it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from venom_otel import semconv

_NO_SCRIPT: Final = frozenset({"", "-", "-c", "-m", "ipykernel_launcher", "ipython", "colab_kernel_launcher"})
_SDK_DEFAULT: Final = "unknown_service"


def resource() -> Resource:
    """The resource as ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES`` and detectors say, with a name of ours where they say none.

    The SDK says "unknown_service:python" then, which tells nothing on a page that shows several applications.
    """
    try:
        found = Resource.create()
    except RuntimeError:  # it asks its detectors in a thread pool; there is none for a thread that outlives the main one
        found = OTELResourceDetector().detect()
    if str(found.attributes.get(semconv.SERVICE_NAME, _SDK_DEFAULT)).startswith(_SDK_DEFAULT):
        return found.merge(Resource({semconv.SERVICE_NAME: name()}))
    return found


def name() -> str:
    """The module of ``python -m``, else the main script without its suffix; for an interpreter or a notebook the working folder."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    script = Path(sys.argv[0] if sys.argv else "").stem
    main = str(spec.name).removesuffix(".__main__") if spec is not None and spec.name else script
    if main not in _NO_SCRIPT:
        return main
    try:
        return Path.cwd().name or "python"
    except OSError:  # the folder is gone
        return "python"
