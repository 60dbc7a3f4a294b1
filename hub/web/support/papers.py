"""What the page of a request shows of files, questions by link and translations; see `papers_of`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import LazyString, format_decimal, gettext

from hub.accounts import policy
from hub.accounts.guard import db, membership_needed
from hub.support import attachments, behalf, links, translations
from hub.support.models import Answer, SupportRequest
from hub.support.papers import ANSWER, PLAN, SOURCE, Attachment
from hub.support.translations import Shown
from hub.web.i18n import language
from hub.web.support.asking import LINK_STATES
from hub.web.support.parts import name_in_words
from hub.web.support.translating import ORIGIN_NAMES


@dataclass(frozen=True, slots=True)
class Papers:
    """As the reader may see them. `files`: file, what it belongs to, size in words, whether the reader may erase it.

    `links`: link, its status in words, who was asked. `translations`, `translatable`: by id of request, plan or answer.
    `offices`: names of the entities that occur.
    """

    row: SupportRequest
    files: Sequence[tuple[Attachment, str, str, bool]]
    may_attach: bool
    links: Sequence[tuple[links.Shown, LazyString, str]]
    may_ask: bool
    may_act: bool
    translations: Mapping[str, Sequence[Shown]]
    translatable: Mapping[str, str]
    offices: Mapping[str, str]
    origins: Mapping[str, LazyString]


def papers_of(row: SupportRequest, answers: Sequence[Answer]) -> Papers:
    """`answers`: those that the reader can read."""
    membership = membership_needed()
    files = attachments.listing(db(), membership, row)
    asked = links.listing(db(), membership, row)
    originals = translations.originals(db(), membership, row, answers)
    shown = {
        id_: sorted(found, key=lambda each: each.row.language != language())  # the reader's own first
        for id_, found in translations.shown(db(), membership, row, originals).items()
    }
    entities = [*(file.entity for file in files), *(each.row.entity for found in shown.values() for each in found)]
    return Papers(
        row=row,
        files=[
            (file, _about(row, file), _size(file.size), attachments.may_erase(membership, row, file)) for file in files
        ],
        may_attach=policy.can(membership, "attach", row),
        links=[
            (each, LINK_STATES[each.status], name_in_words(each.link.entity)) for each in asked if each.link.question
        ],
        may_ask=policy.can(membership, "ask_by_link", row),
        may_act=bool(behalf.possible(membership, row)),
        translations=shown,
        translatable={each.id: each.kind for each in originals if translations.may_translate(membership, row, each)},
        offices={entity.id: name_in_words(entity) for entity in entities},
        origins=ORIGIN_NAMES,
    )


def _about(row: SupportRequest, file: Attachment) -> str:
    if file.subject_kind == PLAN:
        number = next((plan.number for plan in row.plans if plan.id == file.subject_id), 0)
        return gettext("plan, version %(number)s", number=number)
    if file.subject_kind == ANSWER:
        return gettext("answer")
    return gettext("source of a step") if file.subject_kind == SOURCE else gettext("request")


def _size(size: int) -> str:
    if size < 1 << 20:
        return gettext("%(number)s KB", number=format_decimal(max(1, round(size / 1024))))
    return gettext("%(number)s MB", number=format_decimal(round(size / (1 << 20), 1)))
