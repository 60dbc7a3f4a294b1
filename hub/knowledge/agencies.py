"""Which agency of the Network a record means when it names an implementer, a partner or a publisher.

Exact on purpose: the whole name or acronym must be one that the vocabulary lists, in any of the six languages, at most
followed by a country or region ("IOM Haiti") or a note in brackets, or joined to others by a comma or an "and".
"""

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.network import vocabulary
from hub.network.models import AGENCY, Term
from hub.search.types import LANGUAGES

_SPACES = re.compile(r"\s+")
_BRACKETS = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_JOINTS = re.compile(r"\s*(?:[,;/&،、]|\b(?:and|et|y|и)\b|\sو|[和与])\s*")
_BEFORE_PLACE = frozenset({"-", "–", "—", "in", "en", "au", "aux", "à", "de", "du", "в", "на", "for", "pour", "para"})


def _plain(name: str) -> str:
    """One spelling of the same name: width, apostrophes, ё, spaces; case stays."""
    text = unicodedata.normalize("NFKC", name).replace("’", "'").replace("ё", "е").replace("Ё", "Е")
    return _SPACES.sub(" ", text).strip(" .")


class AgencyNames:
    """Recognises agencies by name, as of the vocabulary when it was made."""

    def __init__(self, session: Session) -> None:
        self._acronyms: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._places: set[str] = set()
        aliases = session.execute(select(Term.code, Term.data).where(Term.scheme == AGENCY))
        for code, data in aliases:
            self._add(code, data["aliases"])
        for agency in vocabulary.agencies(session):
            self._add(agency.code, (agency.acronym, agency.name))
        for language in LANGUAGES:
            for code, name in vocabulary.labels(session, "agency", language).items():
                self._add(code, (name,))
            for scheme in ("country", "region"):
                for name in vocabulary.labels(session, scheme, language).values():
                    place = _plain(name).casefold()
                    self._places |= {place, _BRACKETS.sub("", place)}

    def _add(self, code: str, names: Iterable[str]) -> None:
        for name in names:
            plain = _plain(name)
            if plain.isupper() and len(plain) <= 10:
                self._acronyms[plain] = code  # "WHO" is an agency, "who" is not
            else:
                self._names[plain.casefold()] = code

    def find(self, name: str) -> frozenset[str]:
        """Codes of the agencies that the name stands for; empty if none is recognised."""
        plain = _plain(name)
        whole = self._one(plain) or self._one(_BRACKETS.sub("", plain))
        if whole:
            return frozenset({whole})
        parts = _JOINTS.split(plain)
        return frozenset(code for part in parts if (code := self._one(_BRACKETS.sub("", part))))

    def _one(self, plain: str) -> str | None:
        return self._exact(plain) or self._before_place(plain)

    def _exact(self, plain: str) -> str | None:
        return self._acronyms.get(plain) or self._names.get(plain.casefold())

    def _before_place(self, plain: str) -> str | None:
        """ "IOM Haiti", "ACNUR en Colombia"."""
        words = plain.split(" ")
        for cut in range(1, len(words)):
            code = self._exact(" ".join(words[:cut]))
            if code is None:
                continue
            rest = words[cut:]
            while rest and rest[0].casefold() in _BEFORE_PLACE:
                rest = rest[1:]
            if " ".join(rest).casefold() in self._places:
                return code
        return None
