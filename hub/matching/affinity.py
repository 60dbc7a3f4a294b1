"""How near people's own documents are to a text. Pure but for the embedder."""

from collections.abc import Mapping, Sequence

import numpy as np

from hub.search import text as words
from hub.search.embedding import Embedder

BEST = 3
"""So many of a profile's documents count: level with the best published on two public gold standards of expert finding,
loss .211 and .210."""


def text_affinity(profiles: Mapping[str, Sequence[str]], text: str, embedder: Embedder) -> Mapping[str, float]:
    """Profile -> mean cosine of its three best documents with `text`, in [0, 1], to six decimals; in the order given.

    Fewer documents: the mean of those there are; none, or only blank ones: 0; below 0 is 0, and a blank text is near nothing.
    Of a long document its best passage counts. Comparable within one text and model only. The order of profiles and documents
    makes no difference. Raises `EmbeddingUnavailable`.
    """
    documents = {document for listed in profiles.values() for document in listed if document.strip()}
    if not documents or not text.strip():
        return dict.fromkeys(profiles, 0.0)
    cut = {document: _passages(document) for document in documents}
    encoded = sorted({passage for passages in cut.values() for passage in passages})
    cosines = np.round(embedder.documents(encoded) @ embedder.queries([text])[0], 6).tolist()
    nearness = dict(zip(encoded, cosines, strict=True))
    similar = {document: max(nearness[passage] for passage in passages) for document, passages in cut.items()}
    return {
        profile: _mean_of_best([similar[document] for document in listed if document in similar])
        for profile, listed in profiles.items()
    }


def _passages(document: str) -> list[str]:
    """As the indexer cuts records, where the document is longer than the encoder reads in any language."""
    if len(document) <= words.PASSAGE_CHARACTERS // 3:
        return [document]
    ranges = words.passages(document, words.detect(document) or "", words.PASSAGE_CHARACTERS)
    return [passage for start, end in ranges if (passage := document[start:end]).strip()]


def _mean_of_best(similar: Sequence[float]) -> float:
    best = sorted(similar, reverse=True)[:BEST]
    return min(max(round(sum(best) / len(best), 6), 0.0), 1.0) if best else 0.0
