"""Whose situation is like the asker's: corridors, routes, roles, size, language. Facts of the vocabulary, none verified yet.

`read` asks the database; the rest is pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.matching.tables import NOBODY, StateTable, Values, counted
from hub.matching.types import ReasonParam
from hub.network import vocabulary
from hub.network.models import Term
from hub.search import text
from hub.search.types import LANGUAGES

SCHEMES = ("corridor", "route", "role", "size", "language")
NAMED = 3_000
"""Characters of a request in which names of States are looked for."""

Names = Mapping[tuple[str, ...], str]
"""Stems of a State's name in a language -> its code."""


@dataclass(frozen=True, slots=True)
class Situations:
    """By State: `destinations` and `origins` of its corridors, `routes`, `roles`, `sizes` and `languages` as codes of terms.

    `names`: by language, what States and areas are called.
    """

    destinations: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    routes: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    sizes: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    languages: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    names: Mapping[str, Names] = field(default_factory=dict[str, Names])


class Likeness(NamedTuple):
    """One way in which two situations are alike: a code of a reason, `feature` in [0, 1], ids of what says so."""

    code: str
    params: Mapping[str, ReasonParam]
    feature: float
    evidence: tuple[str, ...]


def read(session: Session) -> Situations:
    """As the vocabulary has it; empty where nothing is loaded."""
    found: dict[str, dict[str, set[str]]] = {}

    def add(kind: str, state: str, code: str) -> None:
        found.setdefault(kind, {}).setdefault(state, set()).add(code)

    for term in session.scalars(select(Term).where(Term.scheme.in_(SCHEMES))):
        if term.scheme == "corridor":
            add("destinations", term.data["origin"], term.data["destination"])
            add("origins", term.data["destination"], term.data["origin"])
        for part in ("states", "transit", "arrival"):
            for state in term.data.get(part, ()):
                add(f"{term.scheme}s", state, term.code)
    kinds = ("destinations", "origins", "routes", "roles", "sizes", "languages")
    facts = {kind: {state: frozenset(codes) for state, codes in found.get(kind, {}).items()} for kind in kinds}
    return Situations(**facts, names=_names_of_states(session))


def _names_of_states(session: Session) -> dict[str, Names]:
    return {
        language: {
            stems: code
            for code, name in vocabulary.labels(session, "country", language).items()
            if (stems := tuple(text.terms(name, language)))
        }
        for language in LANGUAGES
    }


def named_states(situations: Situations, words: str, language: str | None) -> frozenset[str]:
    """The States and areas that a text names in its language; of `Guinea` and `Equatorial Guinea` the longer one."""
    known = situations.names.get(language or "en", {})
    longest = max(map(len, known), default=0)
    stems = text.terms(words[:NAMED], language or "en")
    found: set[str] = set()
    at = 0
    while at < len(stems):
        for length in range(min(longest, len(stems) - at), 0, -1):
            if code := known.get(tuple(stems[at : at + length])):
                found.add(code)
                at += length - 1
                break
        at += 1
    return frozenset(found)


def likenesses(situations: Situations, asker: str, peer: str, named: frozenset[str]) -> Iterable[Likeness]:
    """How the situation of `peer` is like that of `asker`. `named`: States that the request names; of the asker's corridors

    those count that lead to or from one of them, or all when none does.
    """
    yield from _counterpart(situations, asker, peer, named)
    yield from _shared_ends(situations, asker, peer, named)
    if routes := _both(situations.routes, asker, peer):
        yield Likeness("route_shared", {"route": routes[0]}, 1.0, (*(f"route:{route}" for route in routes), peer))
    if roles := _both(situations.roles, asker, peer):
        size = (len(situations.roles[asker]) * len(situations.roles[peer])) ** 0.5
        evidence = (*(f"role:{role}" for role in roles), peer)
        yield Likeness("role_like", {"roles": ", ".join(roles)}, round(len(roles) / size, 6), evidence)
    if sizes := _both(situations.sizes, asker, peer):
        yield Likeness("same_size", {"size": sizes[0]}, 1.0, (f"size:{sizes[0]}", peer))
    if languages := _both(situations.languages, asker, peer):
        evidence = (*(f"language:{language}" for language in languages), peer)
        yield Likeness("same_language", {"language": languages[0]}, 1.0, evidence)


def features(
    situations: Situations, table: StateTable, size: int, asker: str, named: frozenset[str]
) -> Iterable[tuple[str, Values]]:
    """(code, feature of each of the `size` States of `table`): what `likenesses` says of one, for all of them at once."""
    yield "corridor_ends", _other_ends(situations, table, size, asker, named)
    for code, held, facts in (
        ("destinations_shared", table.destinations, situations.destinations),
        ("origins_shared", table.origins, situations.origins),
    ):
        own = facts.get(asker, frozenset())
        meant = own & named or own
        yield code, np.round(counted(held, meant, size) / max(len(meant), 1), 6)
    roles = situations.roles.get(asker, frozenset())
    norm = np.sqrt(np.maximum(len(roles) * table.role_counts, 1.0))
    yield "role_like", np.round(counted(table.roles, roles, size) / norm, 6)
    for code, held, facts in (
        ("route_shared", table.routes, situations.routes),
        ("same_size", table.sizes, situations.sizes),
        ("same_language", table.languages, situations.languages),
    ):
        yield code, (counted(held, facts.get(asker, frozenset()), size) > 0).astype(np.float64)


def _other_ends(situations: Situations, table: StateTable, size: int, asker: str, named: frozenset[str]) -> Values:
    """(size,): as `_counterpart` for all."""
    others = situations.destinations.get(asker, frozenset())
    found = counted(table.itself, others, size)
    found[table.destinations.get(asker, NOBODY)] = 1.0
    return found if not named - {asker} else found * np.where(counted(table.itself, named, size) > 0, 1.0, 0.5)


def _both(facts: Mapping[str, frozenset[str]], asker: str, peer: str) -> Sequence[str]:
    return sorted(facts.get(asker, frozenset()) & facts.get(peer, frozenset()))


def _counterpart(situations: Situations, asker: str, peer: str, named: frozenset[str]) -> Iterable[Likeness]:
    """The other end of a corridor; half where the request names other States and not this one."""
    ends = [
        (origin, destination)
        for origin, destination in ((asker, peer), (peer, asker))
        if destination in situations.destinations.get(origin, ())
    ]
    if ends:
        feature = 1.0 if not named - {asker} or peer in named else 0.5
        params: dict[str, ReasonParam] = {"origin": ends[0][0], "destination": ends[0][1]}
        evidence = (*(f"corridor:{origin}-{destination}" for origin, destination in ends), peer)
        yield Likeness("corridor_ends", params, feature, evidence)


def _shared_ends(situations: Situations, asker: str, peer: str, named: frozenset[str]) -> Iterable[Likeness]:
    """Destinations, or origins, that both have: the share of the asker's."""
    for code, ends in (("destinations_shared", situations.destinations), ("origins_shared", situations.origins)):
        own = ends.get(asker, frozenset())
        meant = own & named or own
        if common := sorted(meant & ends.get(peer, frozenset())):
            pairs = [(peer, end) if code == "destinations_shared" else (end, peer) for end in common]
            evidence = (*(f"corridor:{origin}-{destination}" for origin, destination in pairs), peer)
            yield Likeness(code, {"countries": ", ".join(common)}, round(len(common) / len(meant), 6), evidence)
