"""Which agencies a request would be sent to next, best first: what the form to send proposes and a choice is compared with."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.errors import Invalid, SearchUnavailable
from hub.network.models import Agency
from hub.support import conflicts, reading
from hub.support.models import SupportRequest

if TYPE_CHECKING:
    from hub.matching.types import Matches
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

DEEPEST = 12
"""Matches looked at: after those that have it, had it or may not, enough are left for every alternate."""
NO_MATCH = "No agency matches well enough to be named."
ALTERNATES = 3
"""Named unless somebody says otherwise: after three refusals a person should look at the request again."""


def ranked(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    *,
    embedder: "Embedder | None",
    engine: "SearchEngine | None",
) -> list[str]:
    """Ids of the agencies that match, best first. Empty while matching is not available: a choice is then nobody's second."""
    try:
        found = reading.matches(session, membership, row, embedder=embedder, engine=engine, limit=DEEPEST)
    except SearchUnavailable:
        return []
    return open_to(session, row, found)


def open_to(session: Session, row: SupportRequest, found: "Matches") -> list[str]:
    """Those of the matched agencies that neither have the request, nor had it, nor are in conflict with it."""
    barred = conflicts.excluded(session, row) | {
        party.entity_id for party in row.parties if party.role in policy.DELIVERY
    }
    return [match.url_id for match in found.agencies if match.url_id and match.url_id not in barred]


def alternates(session: Session, ids: list[str], *, but: str) -> list[str]:
    """Who is asked next unless somebody says otherwise: the best of `ids` whose membership of the Network is verified."""
    verified = {
        agency.entity_id
        for agency in session.scalars(select(Agency).where(Agency.entity_id.in_(ids)))
        if agency.verified
    }
    return [id_ for id_ in ids if id_ in verified and id_ != but][:ALTERNATES]


def best(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    *,
    embedder: "Embedder | None",
    engine: "SearchEngine | None",
) -> dict[str, Any]:
    """What `triage.send` takes to send it to the best match, with the next ones named. `Invalid` if there is none."""
    found = ranked(session, membership, row, embedder=embedder, engine=engine)
    if not found:
        raise Invalid({"agency": [NO_MATCH]})
    return {"agency": found[0], "alternates": alternates(session, found, but=found[0]), "ranked": found}
