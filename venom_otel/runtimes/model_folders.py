"""Models on this machine's disk in Hugging Face's layout, which vLLM can be told to serve: a folder each, with `config.json` and weights.

They lie in one directory, `gemma-3-4b-it/` or `google/gemma-3-4b-it/`. Symbolic links are followed, wherever they lead: weights that fill
a disk of their own, or Hugging Face's cache, are linked here; what is read of them is bounded, and only names, sizes and numbers are shown.
Nothing asks the network, and nothing about a folder raises: one that cannot be used says why.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from venom_otel.runtimes.fields import count, mapping, text
from venom_otel.runtimes.safetensors import open_regular, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIG: Final = "config.json"
INDEX: Final = "model.safetensors.index.json"

MAX_JSON_BYTES: Final = 16 * 1024 * 1024
"""Of a config or an index; those of the largest models have less than one megabyte."""
MAX_ENTRIES: Final = 2000
"""Of a directory that are looked at."""
MAX_FILES: Final = 1000
"""Of weights of one model that are looked at."""
MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
"""Of all files of one model together."""

_WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth")
_NO_WEIGHTS: Final = frozenset({"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.bin", "scheduler.pt"})
_SHARD: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(safetensors|bin)")
_INCOMPLETE: Final = Path(".cache", "huggingface", "download")
_CONTEXT: Final = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "n_ctx")
_PACKED: Final = frozenset({"U8", "I32", "I64"})
"""In these, quantized weights lie several in one number, so that shapes do not tell how many there are."""
_DTYPES: Final = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8", "F8_E5M2": "float8"}
_SHOWN: Final = 3


class Source(StrEnum):
    """Where a number of parameters comes from."""

    INDEX = "index"
    """The index of the safetensors files says it."""
    HEADERS = "headers"
    """It is the sum of the shapes in the headers of the safetensors files."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that holds a model, or should. What is not known is None."""

    name: str
    """Below the directory of models: `gemma-3-4b-it`, `google/gemma-3-4b-it`."""
    path: Path
    """As the directory was given, so that it may be relative."""
    architecture: str | None = None
    parameters: int | None = None
    parameters_from: Source | None = None
    dtype: str | None = None
    """Of the weights as they are meant: `bfloat16`."""
    quantization: str | None = None
    """The method, and the bits where they are told: `awq, 4 bit`; None where the weights are not quantized."""
    size_bytes: int = 0
    """Of the weights."""
    context_tokens: int | None = None
    problem: str | None = None
    """Why it cannot be served, in words; None where nothing speaks against it."""


def read_folders(directory: Path) -> Sequence[ModelFolder]:
    """Every model below a directory, by name; none where there is no such directory.

    A folder is read again only when a file in it has changed; call it away from an event loop.
    """
    found = []
    for folder, name in _candidates(directory):
        files = _files(folder)
        stamp = tuple((file.name, file.size, file.changed_ns) for file in files)
        found.append(replace(_read(folder.absolute(), stamp), name=name, path=folder))
    return sorted(found, key=lambda one: one.name)


def read_folder(path: Path) -> ModelFolder:
    """One folder, whatever is in it."""
    return _described(path, _files(path))


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    changed_ns: int


@functools.lru_cache(maxsize=512)
def _read(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> ModelFolder:
    """`stamp` tells the states of a folder apart."""
    return _described(folder, [_File(*file) for file in stamp])


def _candidates(directory: Path) -> Iterator[tuple[Path, str]]:
    """Folders that look like models, one or two levels below."""
    for outer in _folders(directory):
        if _looks_like_a_model(outer):
            yield outer, outer.name
            continue
        for inner in _folders(outer):
            if _looks_like_a_model(inner):
                yield inner, f"{outer.name}/{inner.name}"


def _folders(directory: Path) -> list[Path]:
    """The folders in a directory, hidden ones left out, and those whose names cannot be shown."""
    found = []
    for entry in _entries(directory):
        try:
            if entry.is_dir() and not entry.name.startswith(".") and entry.name.isprintable():
                found.append(directory / entry.name)
        except OSError:  # a link in a circle, a disk that is gone
            continue
    return sorted(found)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return [entry for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False)]
    except OSError:
        return []


def _looks_like_a_model(folder: Path) -> bool:
    names = {entry.name for entry in _entries(folder)}
    return bool({CONFIG, INDEX} & names) or any(name.endswith(".safetensors") for name in names) or (folder / _INCOMPLETE).is_dir()


def _files(folder: Path) -> list[_File]:
    """What decides about a folder: the config, the index, the weights, and what a download has not finished."""
    found = []
    for prefix, entries in (("", _entries(folder)), (f"{_INCOMPLETE.as_posix()}/", _entries(folder / _INCOMPLETE))):
        for entry in entries:
            name = entry.name
            if not name.isprintable():
                continue
            of_weights = name.endswith(_WEIGHTS) and name not in _NO_WEIGHTS
            if name in {CONFIG, INDEX} or (of_weights and not prefix) or (name.endswith(".incomplete") and prefix):
                try:
                    known = entry.stat()
                except OSError:  # a link that leads nowhere: the file is missing
                    continue
                found.append(_File(f"{prefix}{name}", known.st_size, known.st_mtime_ns))
    return sorted(found, key=lambda file: file.name)


def _described(folder: Path, files: list[_File]) -> ModelFolder:
    """All that its files say; the first thing that is wrong is the problem."""
    nameless = ModelFolder(folder.name, folder)
    sizes = {file.name: file.size for file in files}
    weights = {name: size for name, size in sizes.items() if name.endswith(_WEIGHTS)}
    safe = {name: size for name, size in weights.items() if name.endswith(".safetensors")}
    weights = safe or weights  # where both are there, they hold the same
    try:
        config = _json(folder / CONFIG)
        index = _json(folder / INDEX) if INDEX in sizes and safe else {}
    except ValueError as error:
        return replace(nameless, size_bytes=sum(weights.values()), problem=str(error))
    known = replace(_by_config(nameless, config), size_bytes=sum(weights.values()))
    problem = _missing(weights, index, downloading=any(name.endswith(".incomplete") for name in sizes))
    try:
        elements = _elements(folder, safe, sizes)
    except ValueError as error:
        return replace(known, problem=problem or str(error))
    return replace(_by_tensors(known, index, elements, whole=problem is None), problem=problem)


def _json(path: Path) -> dict[str, Any]:
    """An object of JSON.

    Raises:
        ValueError: there is none; the message says why, and names the file.
    """
    try:
        with open_regular(path) as file:
            body = file.read(MAX_JSON_BYTES + 1)
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing: fetch the model again") from None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror or error}") from None
    if len(body) > MAX_JSON_BYTES:
        raise ValueError(f"{path.name} has more than {MAX_JSON_BYTES // 1024**2} MiB: it is none")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no JSON object: fetch the model again")  # noqa: TRY004 - the file's fault, not the caller's
    return found


def _by_config(folder: ModelFolder, config: dict[str, Any]) -> ModelFolder:
    """What `config.json` says; models that also see keep what is about text in `text_config`."""
    parts = (config, mapping(config.get("text_config")), mapping(config.get("llm_config")))
    architectures = config.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    quantized = next(filter(None, (mapping(part.get("quantization_config")) for part in parts)), {})
    return replace(
        folder,
        architecture=text(first),
        dtype=next(filter(None, (text(part.get(key)) for part in parts for key in ("torch_dtype", "dtype"))), None),
        quantization=_quantization(quantized),
        context_tokens=next(filter(None, (count(part.get(key)) for part in parts for key in _CONTEXT)), None),
    )


def _quantization(said: dict[str, Any]) -> str | None:
    if not said:
        return None
    method = text(said.get("quant_method")) or "quantized"
    bits = count(said.get("bits")) or (4 if said.get("load_in_4bit") is True else 8 if said.get("load_in_8bit") is True else None)
    return f"{method}, {bits} bit" if bits else method


def _missing(weights: dict[str, int], index: dict[str, Any], *, downloading: bool) -> str | None:
    """Whether files of weights are missing, in words."""
    wanted = {name for name in mapping(index.get("weight_map")).values() if isinstance(name, str) and text(name) and "/" not in name}
    for shard in filter(None, map(_SHARD.fullmatch, weights)):
        stem, _, total, kind = shard.groups()
        wanted |= {f"{stem}-{number:05}-of-{total}.{kind}" for number in range(1, min(int(total), MAX_FILES) + 1)}
    missing = sorted(wanted - weights.keys())
    again = "`hf download` fetches what is missing"
    if missing and weights:
        shown = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        return f"{len(missing)} of {len(wanted)} files of weights are missing ({shown}): {again}"
    if downloading:
        return f"its download has not come to its end: {again}"
    return None if weights else f"there are no weights in it: {again}"


def _elements(folder: Path, safe: dict[str, int], sizes: dict[str, int]) -> Counter[str]:
    """How many numbers of each dtype the safetensors files hold.

    Raises:
        ValueError: one of them is not whole, or none at all; the message says which.
    """
    elements: Counter[str] = Counter()
    read = 0
    for name in list(safe)[:MAX_FILES]:
        try:
            header = read_header(folder / name)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise ValueError(f"{name}: {error}; fetch it again") from None
        read += header.own_bytes
        if read > MAX_HEADER_BYTES:
            raise ValueError(f"the headers of its weights have more than {MAX_HEADER_BYTES // 1024**2} MiB: it is no model")
        if sizes[name] < header.size_bytes:
            raise ValueError(f"{name} is not whole, {sizes[name]} of {header.size_bytes} bytes: `hf download` fetches the rest")
        elements.update(header.elements)
    return elements


def _by_tensors(known: ModelFolder, index: dict[str, Any], elements: Counter[str], *, whole: bool) -> ModelFolder:
    """Parameters by the index, else by the shapes; the dtype by the tensors where the config does not say it."""
    told = count(mapping(index.get("metadata")).get("total_parameters"))
    packed = known.quantization is not None and not _PACKED.isdisjoint(elements)
    parameters, source = (told, Source.INDEX) if told else (None, None)
    if parameters is None and whole and elements and not packed:
        parameters, source = elements.total(), Source.HEADERS
    usual = _DTYPES.get(elements.most_common(1)[0][0]) if elements else None
    return replace(known, parameters=parameters, parameters_from=source, dtype=known.dtype or usual)
