"""Embedders: vectors of norm 1 in the order given, a name for their space that costs nothing, failures that say so."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hub.search.embedding import EmbeddingUnavailable, HashEmbedder, SentenceTransformerEmbedder, query_vector
from hub.search.packaged_model import NAME, ensure_packaged_model

MODEL = Path("var/model") / NAME
SENTENCES = {
    "en": "How can we protect domestic workers abroad?",
    "es": "¿Cómo podemos proteger a las trabajadoras domésticas en el extranjero?",
    "fr": "Comment protéger les travailleurs domestiques à l'étranger ?",
    "ru": "Как защитить домашних работников за рубежом?",
    "ar": "كيف يمكننا حماية العمال المنزليين في الخارج؟",
    "zh": "我们如何保护在国外的家政工人？",
}


def test_hash_vectors_have_norm_one_whatever_the_text():
    vectors = HashEmbedder(32).documents(["labour migration", "", "\ud800", "移民"])
    assert vectors.shape == (4, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_hash_vectors_of_texts_that_share_words_are_nearer():
    query, near, far = HashEmbedder().documents(
        ["domestic workers abroad", "rights of domestic workers", "climate data on islands"]
    )
    assert query @ near > query @ far + 0.2


def test_hash_vectors_are_the_same_in_another_process():
    code = "from hub.search.embedding import HashEmbedder; print(HashEmbedder(16).queries(['Élan 移民'])[0].tolist())"
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout) == HashEmbedder(16).queries(["Élan 移民"])[0].tolist()


def test_a_query_vector_names_the_space_of_its_embedder():
    embedder = HashEmbedder()
    vector = query_vector(embedder, "return and reintegration")
    assert vector.model == embedder.model
    np.testing.assert_array_equal(vector.values, embedder.queries(["return and reintegration"])[0])


def test_embedders_of_different_size_are_different_spaces():
    assert HashEmbedder(32).model != HashEmbedder(64).model


def test_no_texts_give_no_rows():
    assert HashEmbedder(8).documents([]).shape == (0, 8)


def test_a_missing_folder_is_named_when_it_is_needed_and_not_before(tmp_path):
    embedder = SentenceTransformerEmbedder(str(tmp_path / "gone"))
    assert embedder.model
    with pytest.raises(EmbeddingUnavailable, match="there is no such folder"):
        embedder.queries(["anything"])


@pytest.mark.slow
def test_a_broken_folder_is_our_error(tmp_path):
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    embedder = SentenceTransformerEmbedder(str(tmp_path))
    with pytest.raises(EmbeddingUnavailable, match="cannot be loaded"):
        embedder.documents(["anything"])


def test_the_identity_of_a_folder_changes_with_its_content_and_not_with_its_place(tmp_path):
    def identity(at: Path, weights: bytes) -> str:
        folder = at / "some-model"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        (folder / "model.safetensors").write_bytes(weights)
        return SentenceTransformerEmbedder(str(folder)).model

    first = identity(tmp_path / "a", b"\0" * 100_000 + b"1")
    assert first == identity(tmp_path / "b", b"\0" * 100_000 + b"1")
    assert first != identity(tmp_path / "c", b"\0" * 100_000 + b"2")
    assert first.startswith("some-model@")


def test_the_identity_of_a_prepared_folder_is_read_without_torch(tmp_path):
    (tmp_path / "hub_model.json").write_text('{"name": "m", "revision": "7", "dim": 5}', encoding="utf-8")
    code = (
        "import sys; from hub.search.embedding import SentenceTransformerEmbedder as E; e = E(sys.argv[1]); "
        "print(e.model, e.dim, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["m@7", "5", "False"]


@pytest.fixture(scope="module")
def real() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(str(ensure_packaged_model(MODEL)))


@pytest.mark.model
def test_the_same_question_in_six_languages_is_nearer_than_another_question(real):
    vectors = real.queries(list(SENTENCES.values()))
    other = real.queries(["Statistics on remittance costs in the Pacific"])[0]
    assert (vectors @ vectors.T).min() > (vectors @ other).max()


@pytest.mark.model
def test_real_vectors_keep_order_norm_and_shape(real):
    texts = ["short", "a much longer text " * 400, "", "\ud800 broken", "средний текст " * 20]
    together = real.documents(texts)
    assert together.shape == (5, real.dim)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for row, text in zip(together, texts, strict=True):
        assert row @ real.documents([text])[0] > 0.9999
    assert real.queries([]).shape == (0, real.dim)


@pytest.mark.model
def test_queries_and_documents_are_prompted_differently(real):
    assert real.queries(["labour migration"])[0] @ real.documents(["labour migration"])[0] < 0.999


@pytest.mark.model
def test_threads_get_the_vectors_that_one_thread_gets(real):
    texts = [f"{sentence} {n}" for n in range(4) for sentence in SENTENCES.values()]
    alone = np.concatenate([real.queries([text]) for text in texts])
    with ThreadPoolExecutor(4) as pool:
        together = np.concatenate(list(pool.map(lambda text: real.queries([text]), texts)))
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.model
@pytest.mark.slow
def test_real_vectors_are_those_of_torch_in_six_languages(real):
    from sentence_transformers import SentenceTransformer

    torch = SentenceTransformer(str(MODEL), device="cpu")
    texts = [*SENTENCES.values(), *(f"{sentence} " * 9 for sentence in SENTENCES.values()), "long " * 900]
    assert (real.queries(texts) * torch.encode_query(texts)).sum(axis=1).min() > 0.9999
    assert (real.documents(texts) * torch.encode_document(texts)).sum(axis=1).min() > 0.9999


@pytest.mark.model
def test_the_prepared_model_is_used_without_torch(real):
    code = (
        "import sys; from hub.search.embedding import SentenceTransformerEmbedder as E; "
        "E(sys.argv[1]).queries(['x']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(MODEL)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert not done.stderr
