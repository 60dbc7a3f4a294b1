"""How good a ranking is, by judgements. Pure."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from hub.search.types import DocId


def dcg(gains: Sequence[float]) -> float:
    """Sum of gain / log2(rank + 1), rank from 1. Source: Jarvelin and Kekalainen, TOIS 2002."""
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, 1)))


def ndcg_at(k: int, ranking: Sequence[DocId], gains: Mapping[DocId, float]) -> float:
    """Normalised discounted cumulative gain of the first k, in [0, 1]. Unlisted ids gain 0; no gains at all gives 0."""
    ideal = dcg(sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k])
    return dcg([gains.get(one, 0.0) for one in ranking[:k]]) / ideal if ideal else 0.0


def recall_at(k: int, ranking: Sequence[DocId], relevant: Collection[DocId]) -> float:
    """Share of the relevant ids that are among the first k, in [0, 1]; 0 if there are none."""
    return len(set(relevant).intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[DocId], relevant: Collection[DocId]) -> float:
    """1 / rank of the first relevant id, in [0, 1]; 0 if none is there."""
    return next((1 / rank for rank, one in enumerate(ranking, 1) if one in relevant), 0.0)


RESAMPLES = 2_000
SEED = 43


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95% interval of the mean of `values` (one at least): percentiles of the means of 2,000 samples drawn with replacement.

    The same values in the same order give the same interval. Source: Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13; of differences between two rankings: Sakai, SIGIR 2006.
    """
    array = np.asarray(values, dtype=np.float64)
    chance = np.random.default_rng(SEED)
    means = [float(array[chance.integers(0, len(array), len(array))].mean()) for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
