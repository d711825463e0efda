"""Folders of models: the tiny one that tests run with, and what real ones look like, whole, unfinished, broken and hostile."""

from __future__ import annotations

import json
import os
import struct

import pytest

from tools import tiny_model
from venom_otel.runtimes import model_folders, safetensors
from venom_otel.runtimes.model_folders import Source, read_folder, read_folders

GEMMA = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "torch_dtype": "bfloat16",
    "text_config": {"hidden_size": 2560, "max_position_embeddings": 131072},
    "vision_config": {"hidden_size": 1152},
}


def weights(path, tensors, *, cut=0):
    """A safetensors file of zeros; `tensors` are dtype and shape by name."""
    sizes = {"F32": 4, "BF16": 2, "I32": 4, "U8": 1}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape) in tensors.items():
        size = sizes[dtype]
        for number in shape:
            size *= number
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes((struct.pack("<Q", len(text)) + text + b"\0" * end)[: -cut or None])
    return path.stat().st_size


@pytest.fixture
def folder(tmp_path):
    """A folder with Gemma's config and one file of weights."""
    path = tmp_path / "gemma"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(GEMMA))
    weights(path / "model.safetensors", {"a": ("BF16", [10, 20]), "b": ("BF16", [7])})
    return path


def config(folder, **more):
    (folder / "config.json").write_text(json.dumps({**GEMMA, **more}))


def sharded(folder, *, total_parameters=None, there=(1, 2, 3)):
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    metadata = {"total_size": 600} | ({"total_parameters": total_parameters} if total_parameters else {})
    index = {"metadata": metadata, "weight_map": {f"layer.{number}": name for number, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for number in there:
        weights(folder / names[number - 1], {f"layer.{number}": ("BF16", [100])})


def test_the_model_that_tests_run_with():
    (model,) = [one for one in read_folders(tiny_model.build()) if one.name == "tiny-hf"]
    assert (model.architecture, model.dtype, model.context_tokens) == ("LlamaForCausalLM", "float32", 1024)
    assert (model.parameters, model.parameters_from) == (459_392, Source.HEADERS)
    assert (model.quantization, model.problem) == (None, None)
    assert model.size_bytes == (model.path / "model.safetensors").stat().st_size


def test_what_is_about_text_in_a_model_that_also_sees(folder):
    model = read_folder(folder)
    assert (model.architecture, model.dtype, model.context_tokens) == ("Gemma3ForConditionalGeneration", "bfloat16", 131072)
    assert (model.parameters, model.parameters_from, model.problem) == (207, Source.HEADERS, None)


def test_several_files_with_an_index(folder):
    sharded(folder)
    assert (read_folder(folder).parameters, read_folder(folder).parameters_from) == (300, Source.HEADERS)
    sharded_again = json.loads((folder / "model.safetensors.index.json").read_text())
    sharded_again["metadata"]["total_parameters"] = 299
    (folder / "model.safetensors.index.json").write_text(json.dumps(sharded_again))
    model = read_folder(folder)
    assert (model.parameters, model.parameters_from, model.problem) == (299, Source.INDEX, None)


@pytest.mark.parametrize("index", [True, False])
def test_files_that_are_missing(folder, index):
    sharded(folder, there=(1, 3))
    if not index:
        (folder / "model.safetensors.index.json").unlink()
    model = read_folder(folder)
    assert model.problem == (
        "1 of 3 files of weights are missing (model-00002-of-00003.safetensors): `hf download` fetches what is missing"
    )
    assert model.parameters is None
    assert model.context_tokens == 131072


def test_a_download_that_goes_on(folder):
    (folder / "model.safetensors").unlink()
    (folder / ".cache/huggingface/download").mkdir(parents=True)
    (folder / ".cache/huggingface/download/abc.incomplete").write_bytes(b"0")
    assert read_folder(folder).problem == "its download has not come to its end: `hf download` fetches what is missing"


def test_a_file_that_is_not_whole(folder):
    whole = weights(folder / "model.safetensors", {"a": ("F32", [1000])})
    weights(folder / "model.safetensors", {"a": ("F32", [1000])}, cut=100)
    model = read_folder(folder)
    assert model.problem == f"model.safetensors is not whole, {whole - 100} of {whole} bytes: `hf download` fetches the rest"
    assert model.parameters is None


def test_quantized_weights_lie_several_in_a_number(folder):
    config(folder, quantization_config={"quant_method": "awq", "bits": 4, "group_size": 128})
    weights(folder / "model.safetensors", {"a.qweight": ("I32", [10, 20]), "b": ("BF16", [7])})
    model = read_folder(folder)
    assert (model.quantization, model.parameters, model.problem) == ("awq, 4 bit", None, None)


def test_a_dtype_that_the_config_does_not_say(folder):
    (folder / "config.json").write_text("{}")
    model = read_folder(folder)
    assert (model.dtype, model.architecture, model.context_tokens, model.problem) == ("bfloat16", None, None, None)


def test_the_older_kind_of_weights_has_its_size_alone(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"0" * 77)
    (folder / "training_args.bin").write_bytes(b"0" * 1000)
    model = read_folder(folder)
    assert (model.size_bytes, model.parameters, model.problem) == (77, None, None)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", None, "config.json is missing: fetch the model again"),
        ("config.json", b"", "config.json is no JSON object"),
        ("config.json", b"[" * 100_000, "config.json is no JSON object"),
        ("config.json", b'{"a": ' + b"9" * 5000 + b"}", "config.json is no JSON object"),
        ("config.json", b"[1]", "config.json is no JSON object"),
        ("config.json", b"\xff\xfe{", "config.json is no JSON object"),
        ("config.json", b'{"a": "' + b" " * model_folders.MAX_JSON_BYTES + b'"}', "config.json has more than 16 MiB: it is none"),
        ("model.safetensors", None, "there are no weights in it"),
        ("model.safetensors", b"", "model.safetensors: it is no safetensors file"),
        ("model.safetensors", b"\xff" * 100, "model.safetensors: it is no safetensors file"),
        ("model.safetensors", struct.pack("<Q", 100) + b"{}", "model.safetensors: it ends within its header"),
        ("model.safetensors", struct.pack("<Q", 4) + b"{{{{", "model.safetensors: its header is no JSON"),
        ("model.safetensors", struct.pack("<Q", 2) + b"[]", "model.safetensors: its header is no JSON object"),
        ("model.safetensors", struct.pack("<Q", 7) + b'{"a":1}', "describes a tensor in a way that is not known"),
    ],
)
def test_broken_files(folder, name, content, words):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    model = read_folder(folder)
    assert words in model.problem
    assert model.parameters is None


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": 1, "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2**62] * 1000, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": 7, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0]},
        {"dtype": "F32", "shape": [1], "data_offsets": {"0": 1, "4": 2}},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 10**30]},
    ],
)
def test_hostile_headers(folder, tensor):
    text = json.dumps({"a": tensor}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "not known" in read_folder(folder).problem


@pytest.mark.parametrize(
    "hostile",
    [
        {"architectures": "x", "max_position_embeddings": -1, "torch_dtype": {}, "text_config": [], "quantization_config": 7},
        {
            "architectures": [None],
            "max_position_embeddings": 10**30,
            "torch_dtype": "\x1b[2J",
            "text_config": {"max_position_embeddings": "9"},
        },
    ],
)
def test_a_config_of_nonsense_is_nothing_known(folder, hostile):
    (folder / "config.json").write_text(json.dumps(hostile))
    model = read_folder(folder)
    assert (model.architecture, model.context_tokens, model.quantization) == (None, None, None)
    assert model.dtype == "bfloat16"  # by the weights


@pytest.mark.parametrize("index", [{"weight_map": {"a": "../../etc/passwd", "b": 7, "c": "\x1b"}}, {"weight_map": 1, "metadata": []}])
def test_a_hostile_index_leads_nowhere(folder, index):
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_folder(folder).problem is None


def test_many_large_headers_are_too_much(folder, monkeypatch):
    monkeypatch.setattr(model_folders, "MAX_HEADER_BYTES", 100)
    assert "the headers of its weights have more than" in read_folder(folder).problem


def test_headers_that_are_too_long(folder, monkeypatch):
    monkeypatch.setattr(safetensors, "MAX_HEADER_BYTES", 20)
    assert "is no safetensors file" in read_folder(folder).problem


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_pipes_and_folders_keep_nobody_waiting(folder, make, name):
    (folder / name).unlink()
    make(folder / name)
    assert f"{name} cannot be read: it is no regular file" in read_folder(folder).problem


def test_which_folders_are_models(tmp_path, folder):
    for name in ("google/gemma-3-4b-it", "z-model", ".hidden", "google/not-a-model", "empty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("google/gemma-3-4b-it", "z-model", ".hidden"):
        config(tmp_path / name)
    (tmp_path / "README.md").write_text("models")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "nowhere").symlink_to("/nowhere")
    found = read_folders(tmp_path)
    assert [model.name for model in found] == ["gemma", "google/gemma-3-4b-it", "z-model"]
    assert [model.path for model in found] == [tmp_path / model.name for model in found]


def test_links_are_followed_wherever_they_lead(tmp_path, folder):
    directory = tmp_path / "models"
    directory.mkdir()
    (directory / "linked").symlink_to(folder)
    (model,) = read_folders(directory)
    assert (model.name, model.path, model.problem) == ("linked", directory / "linked", None)
    (folder / "model.safetensors").rename(tmp_path / "blob")
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    assert read_folders(directory)[0].parameters == 207
    (tmp_path / "blob").unlink()
    assert "there are no weights in it" in read_folders(directory)[0].problem


def test_a_directory_that_is_not_there(tmp_path):
    assert read_folders(tmp_path / "models") == []
    (tmp_path / "file").write_text("")
    assert read_folders(tmp_path / "file") == []


def test_a_folder_is_read_again_once_it_has_changed(tmp_path, folder, monkeypatch):
    assert read_folders(tmp_path)[0].context_tokens == 131072
    monkeypatch.setattr(model_folders, "_described", lambda *_: pytest.fail("it was read again"))
    assert read_folders(tmp_path)[0].context_tokens == 131072
    monkeypatch.undo()
    config(folder, max_position_embeddings=77)
    assert read_folders(tmp_path)[0].context_tokens == 77


def test_a_relative_directory_stays_relative(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (model,) = read_folders(model_folders.Path())
    assert str(model.path) == "gemma"
