"""What happened to a request, told without any word of the request itself: a mail passes through many hands."""

from collections.abc import Mapping
from pathlib import Path

from babel.support import NullTranslations, Translations

from hub.events import Event

FOLDER = Path(__file__).parents[1] / "web" / "translations"


def N_(sentence: str) -> str:  # noqa: N802 - the name by which the catalogue's collector knows it
    """Marks a sentence for the catalogues and leaves it alone."""
    return sentence


STEPS: Mapping[str, str] = {
    "draft": N_("A draft was begun"),
    "edit": N_("The words were changed"),
    "submit": N_("The request was submitted"),
    "withdraw": N_("The request was withdrawn"),
    "acknowledge": N_("The secretariat confirmed that it has the request"),
    "triage": N_("The request was found within scope"),
    "ask": N_("The secretariat asks the State something"),
    "reply": N_("The State answered the secretariat"),
    "decline": N_("The request was declined"),
    "send": N_("The request was sent to an agency"),
    "accept": N_("An agency accepted the request"),
    "remove": N_("An agency no longer takes part"),
    "hand_over": N_("A colleague handed the request over to you"),
    "contribute": N_("An agency contributed to the answer"),
    "pause": N_("The request stands still"),
    "resume": N_("The request goes on"),
    "gone": N_("An agency that has the request has nobody here any more"),
    "refuse": N_("An agency did not accept the request"),
    "declare": N_("Somebody declared a conflict of interest"),
    "propose": N_("A plan was proposed"),
    "agree": N_("The plan was agreed"),
    "send_back": N_("The plan was sent back"),
    "no_plan": N_("The answer will be written without a plan"),
    "answer": N_("An answer was sent"),
    "close": N_("The request was closed"),
    "reopen": N_("The request was opened again"),
    "remind": N_("A step is due"),
    "escalate": N_("A step is overdue"),
    "lapse": N_("The request lapsed without a reply"),
    "invite": N_("Another State was invited to ask together"),
    "ask_peer": N_("Another State was asked to be a peer"),
    "join": N_("A State takes part"),
    "stay_out": N_("A State does not take part"),
    "share": N_("A peer State may read everything"),
    "correction_confirmed": N_("The secretariat confirmed a correction of your agency’s record"),
    "correction_refused": N_("The secretariat did not confirm a correction of your agency’s record"),
    "wanted": N_("Somebody wants what you offer; the secretariat asks you when it is your turn"),
    "offer_wanted": N_("A State wants an offer for its request"),
    "offer_dropped": N_("A wanted offer was let be"),
    "publish": N_("A State agreed to publish a part of the request"),
    "unpublish": N_("A State took back its agreement to publish"),
    "release": N_("An answer was prepared for publication"),
    "rate": N_("A State said what an answer was worth"),
    "attach": N_("A file was added"),
    "erase_file": N_("A file was erased"),
    "translate": N_("A translation was added or changed"),
    "remove_translation": N_("A translation was taken away"),
    "link_made": N_("A question was asked by link"),
    "link_answered": N_("A question asked by link was answered"),
    "link_revoked": N_("A link with a question was taken back"),
    "link_erased": N_("A question asked by link was erased"),
}
OTHER = N_("The request was changed")


def step(event: Event) -> str:
    """What happened, in English; the key of the catalogues."""
    return STEPS.get(event.action, OTHER)


def catalogue(language: str) -> NullTranslations:
    """The words of one language, for who speaks outside a request. English, or one not compiled: as they stand."""
    return Translations.load(str(FOLDER), [language])
