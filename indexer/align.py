"""`python -m indexer.align`: which English form each Arabic and Chinese form of the two glossaries stands for.

A row holds several forms of a notion, and a form may stand in several rows. What is nearest by the encoder, each language
less its mean, is what is meant; the first form of a row is preferred where it is about as near. Written to
`corpus/vocab/glosses.csv`, where that is another one than the first form of the first row; read by `hub/search/glossary.py`. To be
run after a change of either file; some three minutes.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hub import settings
from hub.search.embedding import Embedder
from hub.search.glossary import GLOSSED, Row, first_gloss, named, rows
from hub.wiring import Hub

FILE = Path(__file__).parents[1] / "corpus" / "vocab" / "glosses.csv"
FIRST = 0.05
"""By how much another form must be nearer than the first one of its row."""
BATCH = 64


def main() -> None:
    hub = Hub(settings.load())
    if hub.embedder is None:
        raise SystemExit("HUB_EMBEDDING_MODEL names no model")
    known = [*rows("glossary.csv"), *named()], rows("words.csv")
    with FILE.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(("language", "form", "english"))
        for language in GLOSSED:
            for form, english in aligned(hub.embedder, known, language).items():
                if english != first_gloss(known, form, language):
                    write.writerow((language, form, english))
    hub.close()


def aligned(embedder: Embedder, known: Sequence[Sequence[Row]], language: str) -> dict[str, str]:
    """Form -> English form. What the first of `known` has wins over the second."""
    both = [row for part in known for row in part]
    english = _vectors(embedder, [form for row in both for form in row.get("en", ())])
    own = _vectors(embedder, [form for row in both for form in row.get(language, ())])
    chosen: dict[str, str] = {}
    for part in known:
        nearest: dict[str, tuple[float, str]] = {}
        for row in part:
            for form in row.get(language, ()):
                for at, meant in enumerate(row.get("en", ())):
                    nearness = float(own[form] @ english[meant]) - FIRST * (at > 0)
                    nearest[form] = max(nearest.get(form, (-2.0, "")), (nearness, meant))
        chosen = {form: meant for form, (_, meant) in nearest.items()} | chosen
    return chosen


def _vectors(embedder: Embedder, forms: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Less their mean, of L2 norm 1."""
    distinct = sorted(set(forms))
    found = np.concatenate([embedder.queries(distinct[at : at + BATCH]) for at in range(0, len(distinct), BATCH)])
    found -= found.mean(axis=0)
    return dict(zip(distinct, found / np.linalg.norm(found, axis=1, keepdims=True), strict=True))


if __name__ == "__main__":
    main()
