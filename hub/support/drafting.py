"""Help for a State that begins with a paragraph: what its text leaves open, a title and a summary taken from its own words,

who will see what. Pure reading: nothing is stored, nothing is made up, the same text gives the same help.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.database import now
from hub.search import text as words
from hub.support.fact_words import FACTS
from hub.support.lifecycle import DRAFT, SUBMITTED
from hub.support.models import LEAD, PEER, REQUESTING, Party, SupportRequest
from hub.support.register import ReleasedAnswer, released_answers

LONGEST_TITLE = 120
LONGEST_SUMMARY = 600
_HEADER = re.compile(
    r"^\s*(?:from|sent|date|to|cc|bcc|subject|de|envoyé|à|objet|enviado|para|asunto|fecha|от|кому|тема|дата|отправлено"
    r"|发件人|发送时间|收件人|抄送|主题|من|إلى|الموضوع|التاريخ)\s*[:：]",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"^\s*(?:subject|objet|asunto|тема|主题|الموضوع)\s*[:：]\s*(?:(?:re|fwd?|tr|rv)\s*:\s*)*(.+)$", re.IGNORECASE
)
_GREETING = re.compile(
    r"^\s*(?:dear|hello|good (?:morning|afternoon|day)|excellency|madame?|monsieur|bonjour|cher|chère|estimad[oa]s?|buenos"
    r"|señor(?:a|es)?|уважаем\w+|здравствуйте|尊敬的|您好|السيد|السيدة|تحية|السلام عليكم)\b.{0,80}[,،，:：!]?\s*$",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^\s*(?:--|_{5,}|best regards|kind regards|yours (?:sincerely|faithfully)|sincerely|cordialement|bien à vous|salutations"
    r"|atentamente|saludos|с уважением|此致|مع (?:أطيب )?التحيات|وتفضلوا).{0,60}$",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\S+@\S+|https?://\S+|\+?\d[\d\s().-]{7,}\d")
_SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n{2,}")


def cleaned(pasted: str) -> str:
    """The words of a text pasted from an e-mail or a document: without header lines, greeting, what is quoted, what follows

    the closing, and signs of lists; lines of a paragraph in one.
    """
    kept: list[str] = []
    for line in pasted.replace("\r\n", "\n").replace("\u00a0", " ").split("\n"):
        if _CLOSING.match(line) and any(kept):
            break
        if line.lstrip().startswith(">") or _HEADER.match(line) or _GREETING.match(line):
            continue
        kept.append(re.sub(r"^\s*(?:[•·▪◦‣–*-]|\d{1,2}[.)])\s+", "", line).strip())
    paragraphs = re.split(r"\n{2,}", "\n".join(kept).strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())


def sentences(text: str) -> list[str]:
    return [one.strip() for one in _SENTENCE_END.split(text) if one.strip()]


def propose_title(pasted: str) -> str:
    """The subject line of a pasted e-mail, else its first sentence, cut between words. "" for a text without words."""
    for line in pasted.splitlines():
        if found := _SUBJECT.match(line):
            return _cut(found[1].strip(), LONGEST_TITLE)
    first = next(iter(sentences(cleaned(pasted))), "")
    return _cut(first.rstrip(".。"), LONGEST_TITLE)


def propose_summary(pasted: str) -> str:
    """The first sentences as they stand, without those that hold an address, a link or a telephone number.

    An agency reads it before it accepts, so a person of the State must read and approve it first.
    """
    made = ""
    for sentence in sentences(cleaned(pasted)):
        if _PERSONAL.search(sentence):
            continue
        longer = f"{made} {sentence}".strip()
        if len(longer) > LONGEST_SUMMARY:
            break
        made = longer
    return made or _cut(_PERSONAL.sub("…", cleaned(pasted)), LONGEST_SUMMARY)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    short = text[: most - 1]
    return (short.rsplit(" ", 1)[0] if " " in short else short).rstrip(" ,;:") + "…"


def missing(text: str, answer_language: str | None = None) -> tuple[str, ...]:
    """Codes of `FACTS` of which the text says nothing that we recognise, in their order.

    Looks for words and signs, in all six languages whatever the text is written in: it can miss what is said in other words,
    so whoever asks for the rest must not insist. `answer_language`: chosen in the form.
    """
    plain = _PERSONAL.sub("", cleaned(text)).casefold()
    known = {"answer_language"} if answer_language else set[str]()
    return tuple(code for code, pattern in FACTS.items() if code not in known and not pattern.search(plain))


def with_facts(text: str, given: Mapping[str, str], headings: Mapping[str, str]) -> str:
    """The text with the facts that were filled in, each under its heading, in the order of `FACTS`."""
    added = [f"{headings[code]}\n{given[code].strip()}" for code in FACTS if given.get(code, "").strip()]
    return "\n\n".join([part for part in (text.rstrip(), *added) if part])


# What was answered before


@dataclass(frozen=True, slots=True)
class SimilarAnswer:
    """A released answer like a text. `objectives`: those in common; `words`: some of the words in common, as they stand in it."""

    answer: ReleasedAnswer
    objectives: tuple[int, ...]
    words: tuple[str, ...]


LEAST_SHARED = 0.2
"""Of the different words of the question, so many must stand in the answer; half of that where an objective is shared too."""
SHOWN_WORDS = 5


def similar_answers(
    session: Session, text: str, language: str | None, objectives: Iterable[int], *, limit: int = 3
) -> list[SimilarAnswer]:
    """Answers that States released, by the share of the question's words and by objectives in common; ties by id.

    Only what the register shows everybody is looked at.
    """
    asked = words.query_words(cleaned(text), language)
    wanted = set(objectives)
    if not asked:
        return []
    found: list[tuple[float, SimilarAnswer]] = []
    for answer in released_answers(session):
        excerpt = words.mark(answer.text, asked, answer.language, length=len(answer.text))
        shown = list(dict.fromkeys(answer.text[start:end].casefold() for start, end in excerpt.marks))
        stems = {term for word in shown for term in words.terms(word, answer.language)}
        shared = tuple(number for number in answer.objectives if number in wanted)
        score = len(stems) / len(asked)
        if score >= (LEAST_SHARED / 2 if shared else LEAST_SHARED):
            found.append((score + len(shared), SimilarAnswer(answer, shared, tuple(shown[:SHOWN_WORDS]))))
    return [one for _, one in sorted(found, key=lambda pair: (-pair[0], pair[1].answer.id))[:limit]]


# Who will see what


NOTHING, OUTLINE, EVERYTHING = "nothing", "outline", "everything"


@dataclass(frozen=True, slots=True)
class Sight:
    """`who`: team, secretariat, asked (an agency that has not decided), accepted, peer, public. What they see of a draft, and

    once it is submitted: NOTHING, OUTLINE (State, objectives, language, summary) or EVERYTHING.
    """

    who: str
    draft: str
    submitted: str


def sights() -> tuple[Sight, ...]:
    """Asked of `policy` itself, for an imagined request and an imagined reader of each kind."""
    readers: Sequence[tuple[str, str, str, str]] = (
        ("team", FOCAL_POINT, REQUESTING, "active"),
        ("secretariat", SECRETARIAT, "", ""),
        ("asked", EXPERT, LEAD, "sent"),
        ("accepted", EXPERT, LEAD, "accepted"),
        ("peer", FOCAL_POINT, PEER, "sent"),
    )
    seen = [
        Sight(who, _sight(role, part, state, DRAFT), _sight(role, part, state, SUBMITTED))
        for who, role, part, state in readers
    ]
    return (*seen, Sight("public", NOTHING, NOTHING))


def _sight(role: str, part: str, state: str, status: str) -> str:
    row = SupportRequest(status=status)
    if part:
        row.parties.append(Party(entity_id="reader", role=part, state=state))
    reader = Membership(entity_id="reader", role=role, confirmed_at=now())
    if policy.can(reader, "details", row):
        return EVERYTHING
    return OUTLINE if policy.can(reader, "read", row) else NOTHING


def colleagues(session: Session, membership: Membership) -> list[str]:
    """Names of the other people who can work on this State's drafts, by name."""
    found = session.scalars(
        select(Membership)
        .where(
            Membership.entity_id == membership.entity_id,
            Membership.role == FOCAL_POINT,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Membership.person_id != membership.person_id,
        )
        .options(joinedload(Membership.person))
    )
    return sorted({one.person.name for one in found if one.person.disabled_at is None})
