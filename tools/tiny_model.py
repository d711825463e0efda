"""Makes one tiny random Llama: `python -m tools.tiny_model` prints the folder with `tiny.gguf` and `tiny-hf/`.

Both hold the same weights (459,392 of them), so every runtime that decodes greedily gives the same first words. The same source and
numpy give the same bytes. It needs neither torch nor a download: numpy, safetensors and gguf only.

It answers in ordinary words, for embedding channel 0 is a constant that no layer writes to, so that `lm_head[:, 0]` acts as a bias: words
of `WORDS` are likely, lone bytes and padding never come out, and a reply is never broken UTF-8. Channel 1 is as constant for the line
feed that ends `TEMPLATE` and 0 for every other token, so that no answer ends before its first word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from tools.cache import build_once, cache_dir, key

Tensor = NDArray[np.float32]

SEED: Final = 20261122
HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 128, 2, 4, 2, 256, 1024
HEAD_DIM: Final = HIDDEN // HEADS  # 32, the smallest that vLLM's attention for CPUs takes
NORM_EPSILON, ROPE_BASE = 1e-5, 10000.0

UNKNOWN, START, TURN, END = SPECIAL = ("<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>")
_TEXT: Final = (
    "the quick brown fox jumps over lazy dog and runs home while seven small birds sing about rain wind sun moon river stone tree leaf "
    "light dark warm cold system user assistant hello world one two three four five six eight nine ten red blue green old new good day "
    "night time water fire"
)
WORDS: Final = _TEXT.split()
SPACE: Final = "\u0120"
LINE_FEED: Final = "\u010a"
"""How GPT-2's alphabet writes a space and a line feed."""
TEMPLATE: Final = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

LAYER_NAMES: Final = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""A layer's tensors: Hugging Face's name, then ggml's."""


@dataclass(frozen=True)
class Vocabulary:
    """Byte-level BPE: every byte, and a few words by explicit merges. Ids are positions in `tokens`."""

    tokens: list[str]
    merges: list[tuple[str, str]]

    @classmethod
    def make(cls) -> Vocabulary:
        alphabet = _byte_alphabet()
        tokens = [*SPECIAL, *(alphabet[byte] for byte in range(256))]
        known, merges = set(tokens), []
        for word in WORDS:
            for text in (f" {word}", word):
                left, *rest = [alphabet[byte] for byte in text.encode()]
                for right in rest:
                    if left + right not in known:
                        merges.append((left, right))
                        tokens.append(left + right)
                        known.add(left + right)
                    left += right
        while len(tokens) % 64:
            tokens.append(f"<|pad_{len(tokens)}|>")
        return cls(tokens, merges)

    def id(self, token: str) -> int:
        return self.tokens.index(token)

    def control(self, token: str) -> bool:
        """Whether `token` stands for no text."""
        return token in SPECIAL or token.startswith("<|pad_")


def _byte_alphabet() -> dict[int, str]:
    """GPT-2's table from bytes to printable characters."""
    table = {byte: chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))}
    hidden = [byte for byte in range(256) if byte not in table]
    return table | {byte: chr(256 + index) for index, byte in enumerate(hidden)}


def weights(vocabulary: Vocabulary) -> dict[str, Tensor]:
    """The model's tensors under Hugging Face's names, drawn from `SEED`."""
    random = np.random.Generator(np.random.PCG64(SEED))
    size = len(vocabulary.tokens)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> Tensor:
        drawn: Tensor = (random.standard_normal((rows, columns)) * scale / np.sqrt(columns)).astype(np.float32)
        return drawn

    tensors = {"model.embed_tokens.weight": matrix(size, HIDDEN, np.sqrt(HIDDEN))}
    for layer in range(LAYERS):
        layer_tensors = {
            "self_attn.q_proj": matrix(HEADS * HEAD_DIM, HIDDEN),
            "self_attn.k_proj": matrix(KV_HEADS * HEAD_DIM, HIDDEN),
            "self_attn.v_proj": matrix(KV_HEADS * HEAD_DIM, HIDDEN),
            "self_attn.o_proj": matrix(HIDDEN, HEADS * HEAD_DIM),
            "mlp.gate_proj": matrix(FEED_FORWARD, HIDDEN),
            "mlp.up_proj": matrix(FEED_FORWARD, HIDDEN),
            "mlp.down_proj": matrix(HIDDEN, FEED_FORWARD),
            "input_layernorm": np.ones(HIDDEN, np.float32),
            "post_attention_layernorm": np.ones(HIDDEN, np.float32),
        }
        for constant in (0, 1):  # channels that stay what they are embedded as
            layer_tensors["self_attn.o_proj"][constant] = layer_tensors["mlp.down_proj"][constant] = 0
        tensors |= {f"model.layers.{layer}.{name}.weight": tensor for name, tensor in layer_tensors.items()}
    tensors["model.norm.weight"] = np.ones(HIDDEN, np.float32)
    tensors["lm_head.weight"] = matrix(size, HIDDEN, 4.0)
    tensors["model.embed_tokens.weight"][:, (0, 1)] = 4.0, 0.0
    tensors["model.embed_tokens.weight"][vocabulary.id(LINE_FEED), 1] = 4.0
    bias = np.full(size, -20.0, np.float32)
    for index, token in enumerate(vocabulary.tokens):
        if token.startswith(SPACE) and token[1:] in WORDS:
            bias[index] = 0.0
    bias[vocabulary.id(END)] = -1.0  # an answer may end by itself
    tensors["lm_head.weight"][:, 0] = bias
    tensors["lm_head.weight"][:, 1] = 0.0
    tensors["lm_head.weight"][vocabulary.id(END), 1] = -20.0
    return tensors


def write_hugging_face(folder: Path, vocabulary: Vocabulary, tensors: dict[str, Tensor]) -> None:
    """Write what `transformers` and vLLM load."""
    folder.mkdir()
    start, end = vocabulary.id(START), vocabulary.id(END)
    pads = [token for token in vocabulary.tokens if token.startswith("<|pad_")]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_of_text = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    documents: dict[str, dict[str, Any]] = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "torch_dtype": "float32",
            "hidden_size": HIDDEN,
            "intermediate_size": FEED_FORWARD,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD_DIM,
            "hidden_act": "silu",
            "max_position_embeddings": CONTEXT,
            "rms_norm_eps": NORM_EPSILON,
            "rope_theta": ROPE_BASE,
            "vocab_size": len(vocabulary.tokens),
            "tie_word_embeddings": False,
            "bos_token_id": start,
            "eos_token_id": end,
        },
        "generation_config.json": {"bos_token_id": start, "eos_token_id": end, "do_sample": False},
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": vocabulary.id(token), "content": token, **plain} for token in (*SPECIAL, *pads)],
            "normalizer": None,
            "pre_tokenizer": bytes_of_text,
            "post_processor": None,
            "decoder": bytes_of_text,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {token: index for index, token in enumerate(vocabulary.tokens) if token not in pads},
                "merges": [list(pair) for pair in vocabulary.merges],
            },
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": False,
            "unk_token": UNKNOWN,
            "bos_token": START,
            "eos_token": END,
            "pad_token": UNKNOWN,
            "chat_template": TEMPLATE,
        },
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def write_gguf(path: Path, vocabulary: Vocabulary, tensors: dict[str, Tensor]) -> None:
    """Write what Ollama and llama.cpp load, all in 32-bit floats."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random-llama")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if vocabulary.control(token) else gguf.TokenType.NORMAL for token in vocabulary.tokens])
    writer.add_token_merges([" ".join(pair) for pair in vocabulary.merges])
    writer.add_bos_token_id(vocabulary.id(START))
    writer.add_eos_token_id(vocabulary.id(END))
    writer.add_unk_token_id(vocabulary.id(UNKNOWN))
    writer.add_pad_token_id(vocabulary.id(UNKNOWN))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in _ggml_tensors(tensors):
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _ggml_tensors(tensors: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    def pairs(tensor: Tensor, heads: int) -> Tensor:
        """Hugging Face keeps the halves that rotate together apart, ggml's llama keeps them side by side."""
        rows, columns = tensor.shape
        return tensor.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)

    renamed = [("token_embd.weight", tensors["model.embed_tokens.weight"])]
    for layer in range(LAYERS):
        for theirs, ours in LAYER_NAMES.items():
            tensor = tensors[f"model.layers.{layer}.{theirs}.weight"]
            heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(ours)
            renamed.append((f"blk.{layer}.{ours}.weight", pairs(tensor, heads) if heads else tensor))
    return [*renamed, ("output_norm.weight", tensors["model.norm.weight"]), ("output.weight", tensors["lm_head.weight"])]


def write(folder: Path) -> None:
    """Write both forms of the model into `folder`."""
    vocabulary = Vocabulary.make()
    tensors = weights(vocabulary)
    write_hugging_face(folder / "tiny-hf", vocabulary, tensors)
    write_gguf(folder / "tiny.gguf", vocabulary, tensors)


def build() -> Path:
    """Return the cached folder with `tiny.gguf` and `tiny-hf/`, made where it is missing (half a second)."""
    source = Path(__file__).read_text(encoding="utf-8")
    return build_once(cache_dir() / "tiny-model" / key(source, np.__version__), write)


if __name__ == "__main__":
    print(build())
