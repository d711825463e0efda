"""Python and the packages: is each there, in a version that will do, and do they go together?"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.version import Version

import venom_otel
from venom_otel.cli.doctor.findings import broken, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.cli.doctor.findings import Finding

_HOST: Final = "semantic-kernel"
_API, _SDK, _HTTP, _GRPC = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-grpc",
)
_CLIENTS: Final = ("openai", "ollama", "anthropic", "mistralai", "google-genai", "boto3", "azure-ai-inference", "onnxruntime-genai")
"""What Semantic Kernel's connectors ask models with."""


def check() -> Iterator[Finding]:
    """Look at what is installed."""
    yield ok(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield from _own_requirements()
    yield from _opentelemetry()
    yield from _semantic_kernel()
    yield from _known_pairs()


def _own_requirements() -> Iterator[Finding]:
    problems = list(_unmet("venom-otel", extras=("", "cockpit")))
    if problems:
        yield broken(f"venom-otel {venom_otel.__version__} needs {'; '.join(problems)}", "pip install --upgrade 'venom-otel[cockpit]'")
    else:
        yield ok(f"venom-otel {venom_otel.__version__}, with everything it needs")


def _opentelemetry() -> Iterator[Finding]:
    found = {name: version for name in (_API, _SDK, _HTTP, _GRPC) if (version := _version(name)) is not None}
    if len(set(found.values())) > 1:
        apart = ", ".join(f"{name} {version}" for name, version in found.items())
        yield broken(f"OpenTelemetry's packages are of different versions: {apart}", f"pip install --upgrade {' '.join(found)}")
    else:
        over = "HTTP and gRPC" if _GRPC in found else "HTTP (gRPC is not installed)"
        yield ok(f"OpenTelemetry {found.get(_SDK, 'without an SDK')}, OTLP over {over}")


def _semantic_kernel() -> Iterator[Finding]:
    version = _version(_HOST)
    if version is None:
        yield note("Semantic Kernel is not installed here", "for applications and `venom-otel demo`: pip install 'venom-otel[instruments]'")
        return
    wanted = next((one for one in _requirements("venom-otel", "instruments") if one.name == _HOST), None)
    if wanted is not None and not wanted.specifier.contains(version, prereleases=True):
        yield broken(f"Semantic Kernel {version}, but {wanted.specifier} is needed", "pip install --upgrade semantic-kernel")
        return
    clients = ", ".join(f"{name} {found}" for name in _CLIENTS if (found := _version(name)) is not None)
    problems = list(_unmet(_HOST, extras=("",)))
    if problems:
        yield warning(f"Semantic Kernel {version} needs {'; '.join(problems)}", "pip check tells more")
    else:
        yield ok(f"Semantic Kernel {version}; clients: {clients or 'none'}")


def _known_pairs() -> Iterator[Finding]:
    """docs/connectors.md, "Streams that Semantic Kernel does not give"."""
    if _version(_HOST) is None:
        return
    if (mistral := _version("mistralai")) is not None and Version(mistral) >= Version("1.12"):
        yield warning(
            f"streams of MistralAIChatCompletion are empty with mistralai {mistral}, with or without venom-otel",
            "use calls, or an older mistralai",
        )
    openai = _version("openai")
    if openai is not None and Version(openai) >= Version("3") and "NVIDIA_API_KEY" in os.environ:
        yield warning(
            f"streams of NvidiaChatCompletion raise AssertionError with openai {openai}, with or without venom-otel",
            "use calls, or OpenAIChatCompletion with NVIDIA's base URL",
        )


def _unmet(package: str, extras: tuple[str, ...]) -> Iterator[str]:
    """Requirements of a package that are not met, in words."""
    for extra in extras:
        for wanted in _requirements(package, extra):
            version = _version(wanted.name)
            if version is None:
                yield f"{wanted.name}, which is not installed"
            elif not wanted.specifier.contains(version, prereleases=True):
                yield f"{wanted.name} {wanted.specifier}, not {version}"


def _requirements(package: str, extra: str) -> Iterator[Requirement]:
    """What a package, or one of its extras alone, requires on this machine."""
    for line in metadata.requires(package) or ():
        wanted = Requirement(line)
        only_extra = wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})
        if only_extra == bool(extra) and (wanted.marker is None or wanted.marker.evaluate({"extra": extra})):
            yield wanted


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
