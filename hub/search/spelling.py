"""Which known word a misspelled one is meant for. Pure; the same for both engines."""

from collections.abc import Iterable

from rapidfuzz.distance import OSA

SHORTEST = 4
"""Letters of a word that is corrected at all: shorter ones are acronyms and names as often as slips."""
TWO_SLIPS = 6
"""Letters from which on a word may have two slips; below, one."""


def slips(word: str) -> int:
    """How many letters may be wrong, missing, too many or swapped with their neighbour. 0: not corrected."""
    if len(word) < SHORTEST or not word.isalpha():
        return 0
    return 2 if len(word) >= TWO_SLIPS else 1


def meant(word: str, known: Iterable[tuple[str, int]]) -> str | None:
    """Of (word, documents that hold it), all of the same first letter, the nearest; then the most frequent, then by alphabet."""
    most = slips(word)
    best: tuple[int, int, str] | None = None
    for other, count in known:
        distance = OSA.distance(word, other, score_cutoff=most)
        if 0 < distance <= most and count:
            best = min(best or (distance, -count, other), (distance, -count, other))
    return best[2] if best else None
