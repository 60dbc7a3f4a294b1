"""Every number of the score and where it comes from. docs/matching.md holds the same table; a test compares them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Weight(NamedTuple):
    """A number of the score and where it comes from."""

    value: float
    origin: str


_MEASURED = "chosen on the 20 development requests"
_PAIRS = "a guess, then raised or lowered on the development requests and the tuning half of the 30 pairs"
_DESIGN = "design, held when measured"
_JUDGEMENT = "judgement, nothing to measure it on yet"

WEIGHTS: Mapping[str, Weight] = MappingProxyType(
    {
        # Records: text, objective and place sum to 1, so a record's relevance lies in [0, 1].
        "record.text": Weight(0.60, _MEASURED),
        "record.objective": Weight(0.35, _MEASURED),
        "record.place": Weight(0.05, _MEASURED),
        "record.keyword_share": Weight(0.30, _MEASURED + "; the rest of record.text is meaning"),
        "record.keyword_share_other": Weight(0.15, "half for languages other than English: fewer records share words"),
        # Agencies
        "agency.objective": Weight(1.0, "the unit of this list"),
        "agency.records": Weight(1.5, _MEASURED),
        "agency.involved": Weight(0.5, _MEASURED),
        "agency.mandate": Weight(0.4, _MEASURED),
        "agency.lead": Weight(0.1, _DESIGN),
        "agency.region": Weight(0.3, _MEASURED),
        "agency.elsewhere": Weight(0.3, "a regional commission has no remit outside its region"),
        "agency.breadth": Weight(0.2, _MEASURED + "; a visible prior: broad mandates are asked most often"),
        "agency.presence": Weight(0.03, _DESIGN + ": a record in the asker's own country"),
        "agency.presence_region": Weight(0.01, _DESIGN + ": a record in its subregion, none in the country"),
        "agency.language": Weight(
            0.03, _DESIGN + ": helps in the language of the request, as it said; none says so in the files"
        ),
        "agency.answer": Weight(0.3, _JUDGEMENT + ": no answer is in the files; a public answer it gave, by its words"),
        # Peer States
        "peer.first": Weight(1.0, "design: the three best practices count 1, 1/2, 1/3"),
        "peer.second": Weight(1 / 2, "design"),
        "peer.third": Weight(1 / 3, "design"),
        "peer.region": Weight(0.05, _MEASURED),
        "peer.subregion": Weight(0.05, _MEASURED),
        "peer.corridor": Weight(0.15, _PAIRS),
        "peer.ends": Weight(0.4, _PAIRS),
        "peer.route": Weight(0.05, _PAIRS),
        "peer.role": Weight(0.05, _PAIRS),
        "peer.commission": Weight(0.03, _PAIRS),
        "peer.size": Weight(0.02, _PAIRS),
        "peer.language": Weight(0.03, _PAIRS),
        "peer.champion": Weight(0.02, "breaks near-ties only: championing is not experience of the topic"),
        "peer.answer": Weight(0.1, _JUDGEMENT + ": a public answer that it asked for"),
        # Experts
        "expert.objective": Weight(1.0, "the unit of this list"),
        "expert.agency": Weight(0.5, _JUDGEMENT + ": of the score of the expert's agency, cut at 2"),
        "expert.language": Weight(0.3, _JUDGEMENT),
        "expert.region": Weight(0.2, _JUDGEMENT),
        "expert.answer": Weight(0.3, _JUDGEMENT + ": the closest answer that the expert wrote, by its words"),
        # Offers
        "offer.objective": Weight(0.5, "the unit of this list, with offer.text"),
        "offer.text": Weight(0.5, _JUDGEMENT),
        "offer.region": Weight(0.2, _JUDGEMENT),
        "offer.language": Weight(0.1, _JUDGEMENT),
        # Funding areas
        "funding.objective": Weight(1.0, "the unit of this list"),
        "funding.text": Weight(0.3, _JUDGEMENT),
        # The secretariat's view and assignment alone
        "private.load": Weight(0.2, _JUDGEMENT + "; taken off"),
        "private.accepted": Weight(0.1, _JUDGEMENT),
        "private.speed": Weight(0.1, _JUDGEMENT),
        "private.answered": Weight(0.1, _JUDGEMENT),
        "private.answer": Weight(0.3, _JUDGEMENT + ": as agency.answer, for answers that are not public"),
        "private.ready": Weight(0.05, _JUDGEMENT + ": a State with a focal point here can answer"),
    }
)

STRENGTH: Mapping[str, float] = MappingProxyType({"primary": 1.0, "secondary": 0.5})
"""How much of an objective an agency covers (design)."""
NOT_FIRST = 0.7
"""A practice counts so much for a State that its record does not name first (often the partner, not the doer)."""
DEVIATIONS = 4.0
"""A record this many standard deviations above the mean similarity has feature 1: cosines of e5 are squeezed."""
FEW_DEVIATIONS = 3.0
"""The same among tens: mandates, objectives."""
LANGUAGE_SHIFT, SHRINK = 1.0, 20
"""How much of a language's mean similarity is taken off its records, less for languages of few records."""
NEAREST_PRACTICES = 15
OBJECTIVE_TEXT = 0.4
OBJECTIVE_FLOOR = 0.5
"""Objectives are predicted from the votes of the nearest practices (share of the first's votes) and, counting `OBJECTIVE_TEXT`,
from what each objective is about; those with at least half the sum of the first are kept."""
INVOLVED = 30
"""Among so many nearest records an agency's share is counted."""
BEST_RECORDS = 3
ANY_OBJECTIVE = 0.3
"""An offer that is limited to no objective counts so much of one that names those asked for (judgement)."""
PER_SUBREGION, TOP = 3, 10
"""Diversity: at most three of the first ten peer States from one subregion."""
FLOORS: Mapping[str, float] = MappingProxyType(
    {"agency": 0.5, "peer": 0.3, "record": 0.25, "expert": 0.5, "offer": 0.4, "funding": 0.3, "answer": 0.25}
)
"""Below is no match: the list stays short, or empty. Of a peer State the relevance of its best practice must reach it.

`answer`: of closeness; a public answer below counts for nobody."""


def weight(name: str) -> float:
    return WEIGHTS[name].value


def table() -> str:
    """The table of docs/matching.md."""
    rows = [f"| `{name}` | {one.value:.3g} | {one.origin} |" for name, one in WEIGHTS.items()]
    return "\n".join(("| weight | value | where it comes from |", "|---|---|---|", *rows))
