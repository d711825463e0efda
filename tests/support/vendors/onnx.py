"""ONNX in the process: a real model of 0.8 kB for onnxruntime-genai, written here bit by bit, which says one sentence by heart.

The model is one table: after word `t` comes word `t + 1`. Field numbers are those of onnx.proto3 (ONNX 1.16, IR version 9).
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["<pad>", "<s>", "Ġthe", "Ġquick", "Ġbrown", "Ġfox", "Ġjumps", "</s>"]
FLOAT, INT64 = 1, 7


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def node(kind: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    made = b"".join(block(1, name) for name in inputs) + block(2, output) + block(4, kind)
    for name, value in attributes.items():
        made += block(5, block(1, name) + number(3, value) + number(20, 2))  # 2: an integer
    return block(1, made)


def constant(name: str, kind: int, shape: list[int], values: list[Any]) -> bytes:
    dims = b"".join(number(1, size) for size in shape)
    return block(
        5, dims + number(2, kind) + block(8, name) + block(9, struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'q'}", *values))
    )


def port(field: int, name: str, kind: int, shape: list[int | str]) -> bytes:
    dims = b"".join(block(1, number(1, size) if isinstance(size, int) else block(2, size)) for size in shape)
    return block(field, block(1, name) + block(2, block(1, number(1, kind) + block(2, dims))))


def model() -> bytes:
    size = len(WORDS)
    table = [10.0 if column == (row + 1) % size else -10.0 for row in range(size) for column in range(size)]
    graph = (
        node("Gather", ["table", "input_ids"], "logits", axis=0)
        + node("Cast", ["input_ids"], "numbers", to=FLOAT)
        + node("Unsqueeze", ["numbers", "axes"], "kept")
        + node("Concat", ["past_key_values.0.key", "kept"], "present.0.key", axis=2)
        + node("Concat", ["past_key_values.0.value", "kept"], "present.0.value", axis=2)
        + block(2, "by heart")
        + constant("table", FLOAT, [size, size], table)
        + constant("axes", INT64, [2], [1, 3])
        + port(11, "input_ids", INT64, ["batch", "length"])
        + port(11, "attention_mask", INT64, ["batch", "total"])
        + port(11, "past_key_values.0.key", FLOAT, ["batch", 1, "past", 1])
        + port(11, "past_key_values.0.value", FLOAT, ["batch", 1, "past", 1])
        + port(12, "logits", FLOAT, ["batch", "length", size])
        + port(12, "present.0.key", FLOAT, ["batch", 1, "total", 1])
        + port(12, "present.0.value", FLOAT, ["batch", 1, "total", 1])
    )
    return number(1, 9) + block(7, graph) + block(8, block(1, "") + number(2, 17))


def write(folder: Path) -> Path:
    """Write the model with its tokenizer and configuration; returns the folder."""
    special = [0, 1, len(WORDS) - 1]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    decoder = {
        "session_options": {"provider_options": []},
        "filename": "model.onnx",
        "head_size": 1,
        "hidden_size": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "num_hidden_layers": 1,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            "past_key_names": "past_key_values.%d.key",
            "past_value_names": "past_key_values.%d.value",
        },
        "outputs": {"logits": "logits", "present_key_names": "present.%d.key", "present_value_names": "present.%d.value"},
    }
    files = {
        "genai_config.json": {
            "model": {
                "type": "llama",
                "bos_token_id": 1,
                "eos_token_id": special[-1],
                "pad_token_id": 0,
                "context_length": 64,
                "vocab_size": len(WORDS),
                "decoder": decoder,
            },
            "search": {"max_length": 64, "do_sample": False, "past_present_share_buffer": False, "num_beams": 1},
        },
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": i, "content": WORDS[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
                for i in special
            ],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": None,
            "decoder": byte_level,
            "model": {"type": "BPE", "vocab": {word: i for i, word in enumerate(WORDS)}, "merges": []},
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "model_max_length": 64,
            "chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}",
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "model.onnx").write_bytes(model())
    return folder
