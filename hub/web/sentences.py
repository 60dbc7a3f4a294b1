"""What schemas and verbs say in English, told in the reader's language.

Verbs know no reader, so they raise English sentences; the ones that can reach a page are listed here for the catalogues.
`%(name)s` stands for whatever was put in. A sentence that is not listed is shown as it is.
"""

import re
from collections.abc import Mapping

from flask_babel import gettext


def N_(sentence: str) -> str:  # noqa: N802 - the name by which the catalogue's collector knows it
    """Marks a sentence for the catalogues and leaves it alone."""
    return sentence


SENTENCES = (
    # marshmallow's own
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Unknown field."),
    N_("Not a valid integer."),
    N_("Not a valid string."),
    N_("Must be one of: %(choices)s."),
    N_("Longer than maximum length %(max)s."),
    N_("Length must be between %(min)s and %(max)s."),
    N_("Length must be %(equal)s."),
    N_("Must be greater than or equal to %(min)s and less than or equal to %(max)s."),
    # search and list
    N_("Given more than once."),
    N_("There is no objective %(input)s; they are numbered 1 to 23."),
    N_("%(input)s is not an ISO 3166-1 alpha-3 code, such as PHL."),
    N_("%(input)s is not a year."),
    N_("This is no cursor of a search."),
    N_("This cursor belongs to another search."),
    N_("Give a cursor or an offset, not both."),
    N_("The address is not valid UTF-8."),
    N_("The address holds a character that no address here has."),
    N_("There is no record of that name."),
    N_("This record was withdrawn by its editors."),
    # support
    N_("Fill this in."),
    N_("Choose one."),
    N_("At most %(max)s characters."),
    N_("At most %(max)s lines."),
    N_("This holds a character that cannot be stored."),
    N_("Not one of the six official languages."),
    N_("Objectives are numbered 1 to 23."),
    N_("Not an ISO 3166-1 alpha-3 code, such as GHA."),
    N_("Say what is needed: a title, a description or objectives."),
    N_("Somebody else changed this request since you opened it."),
    N_("A colleague changed this draft answer since you opened it."),
    N_("A colleague changed this draft since you opened it."),
    N_("Write the contribution first."),
    N_("This contribution is not there, or in an earlier answer already."),
    N_("An agency leads this request already. Send it as to a contributor, or end the lead's part first."),
    N_("Another agency was asked to lead and has not decided yet. Confirm that this one is asked instead."),
    N_("This is not the best match. Say in a sentence why."),
    N_("This agency does not have the request."),
    N_("Choose a colleague of your agency who may see the request."),
    N_("Choose at least one request, and at most %(max)s."),
    N_("Not a request and its version, such as R-2026-0042:3."),
    N_("No agency matches well enough to be named."),
    N_("At most %(max)s."),
    N_("The request has moved on: this step is not possible in its present status."),
    N_("This step is for somebody else."),
    N_("This form was already saved, with other words. Continue with the saved request."),
    N_("There is no such request, or it is not open to you."),
    N_("There is no request %(name)s."),
    N_("Only the focal points of a State write its requests."),
    N_("A request stays with the State that wrote it."),
    N_("There is no such State."),
    N_("There is no such agency in the Network's list."),
    N_("An agency is lead or contributor."),
    N_("This agency has the request already."),
    N_("This agency's membership of the Network is not verified. Confirm that you send it all the same."),
    N_("Write the answer first."),
    N_("Write the question."),
    N_("Write the plan first."),
    N_("This State takes part already, or was asked."),
    N_("This State has not agreed to be a peer."),
    N_("Write a reply, or change the words of the request first."),
    N_("There is no published record %(name)s."),
    N_("Write a reply, or change the words of the request first."),
    N_("Write the question."),
    N_("Write the plan first."),
    N_("At most %(max)s lines."),
    N_("Not a date, such as 2026-12-31."),
    N_("Choose one of the reasons."),
    N_("Say in a sentence why."),
    N_("This cursor is not one of ours; start the list again."),
    # offers and the register
    N_("Somebody else changed this offer since you opened it."),
    N_("This form was already saved, with other words. Continue with the saved offer."),
    N_("There is no such offer, or it is not open to you."),
    N_("This offer was withdrawn."),
    N_("This offer is over."),
    N_("Agencies and States register offers, or the secretariat for them."),
    N_("You offer for your own agency or State only."),
    N_("Choose the agency or State that offers this."),
    N_("An offer stays with who gives it."),
    N_("Choose a day that is still to come, after the first one."),
    N_("Choose a day within the next five years; an offer can be extended."),
    N_("There is no region or country %(place)s."),
    N_("The words were changed since you read them. Read them again before you agree."),
    N_("A colleague changed this text since you opened it."),
    N_("There is no such text to publish."),
    N_("There is no such answer."),
    N_("There is nothing of this name in the register."),
    N_("There are no figures of this quarter."),
    # papers
    N_("There is no such file, or it is not open to you."),
    N_("This file was erased."),
    N_("This file is missing on the server. Tell the secretariat."),
    N_("This is neither a PDF, a Word document (.docx) nor plain text in UTF-8."),
    N_("This Word document holds macros or other active content. Save it as .docx without them."),
    N_("This file is damaged or incomplete."),
    N_("This file is empty."),
    N_("Choose a file."),
    N_("Choose what the file belongs to."),
    N_("A file has at most %(number)s MB."),
    N_("A request holds at most %(number)s files."),
    N_("The request has ended; nothing is asked about it any more."),
    N_("Choose a State or an agency other than the one that asks."),
    N_("Too many links of this request wait already. Take one back first."),
    N_("No mail server is set up. Pass the link on yourself."),
    N_("There is no such link. Check that it was copied whole."),
    N_("This link was used, taken back or has expired. Ask the secretariat of the Network for a new one."),
    N_("This link was used or taken back already."),
    N_("This agency is writing an answer of its own. Ask it to send that."),
    N_("This day has not come yet."),
    N_("The original is in this language."),
    N_("Write the translation first."),
    N_("Somebody else changed this translation since you opened it."),
    # experts, conflicts of interest, assignment
    N_("Somebody else changed this profile since you opened it."),
    N_("There is no such expert, or they are not of your agency."),
    N_("A coordinator of the agency sets the profiles of others."),
    N_("This expert has no profile yet."),
    N_("From %(min)s to %(max)s."),
    N_("Not more than the capacity."),
    N_("Choose at least one language."),
    N_("%(input)s is no language code, such as fr or swa."),
    N_("%(input)s is no region or country."),
    N_("%(input)s is no country."),
    N_("An absence ends on or after the day on which it begins."),
    N_("An absence needs its first and its last day."),
    N_("Too many."),
    N_("This agency has a conflict of interest in this request."),
    N_("There is no such conflict."),
    N_("There is no such tie."),
    N_("There is no such solution."),
    N_("Something has changed since this was computed."),
    N_("This solution was applied already, or is not ready."),
    N_("Only the solution that was applied last can be undone."),
    N_("Some of its proposals were sent or replaced meanwhile."),
    N_("This request has nothing to unlock."),
    N_("Nobody is proposed for this request."),
    # corrections of records
    N_("The record says this already."),
    N_("There is no such field."),
    N_("There is no such reason."),
    N_("There is no such agency."),
    N_("There is no such correction."),
    N_("%(name)s is not known here."),
    N_("This cannot be the value of this field."),
    N_("This was decided meanwhile."),
    N_("The record was changed since this was proposed. Refuse it, and let it be proposed again."),
    # accounts
    N_("The e-mail address or the password is wrong."),
    N_("This link was used, replaced or has expired. Ask the person who gave it to you for a new one."),
    N_("The secretariat has not confirmed your membership yet. You can sign in once it has."),
    N_("Your membership has ended. Ask the secretariat if you should have one."),
    N_("The two passwords differ."),
    N_("This is not your current password."),
    N_("Use at least %(number)s characters; a few unrelated words are easy to remember."),
    N_("Use at most %(number)s characters."),
    N_("Use a password that is not your e-mail address or name."),
    N_("This password is easy to guess; choose another."),
    N_("This is not an e-mail address."),
    N_("A name is needed."),
    N_("A name has no control characters."),
    N_("There is no such language."),
    N_("There is no such role."),
    N_("There is no such State, agency or office for this role."),
    N_("There is already an account with this address."),
    N_("This person is in the team already."),
    N_("This account is disabled; ask an administrator."),
    N_("This account is disabled."),
    N_("You may not invite people into this team."),
    N_("Somebody else has to confirm your own membership."),
    N_("This membership was confirmed or ended meanwhile."),
    N_("This membership has ended already."),
    N_("You may not disable this account."),
    N_("Ask the secretariat or an administrator for this link."),
    N_("You have, or had, a token of this name; choose another."),
    N_("A quarter is written as 2026Q3."),
    N_("Name the version that you read."),
    N_("Send the file, or name one that is there: not both."),
    N_("The request has no such source of this State or agency."),
    N_("There is no draft of a contribution."),
    N_("There is no draft of an answer."),
    N_("The figures of %(quarter)s can be made after %(day)s."),
)


def _pattern(sentence: str) -> re.Pattern[str]:
    """What the English sentence looks like once filled in."""
    parts = re.split(r"%\((\w+)\)s", sentence)
    return re.compile(
        "".join(f"(?P<{part}>.+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)), re.DOTALL
    )


_PATTERNS = {sentence: _pattern(sentence) for sentence in SENTENCES if "%(" in sentence}


def find(sentence: str) -> tuple[str, Mapping[str, str]] | None:
    """The listed sentence that this one is, and what was put in. None: not listed."""
    if sentence in SENTENCES:
        return sentence, {}
    for listed, pattern in _PATTERNS.items():
        if filled := pattern.fullmatch(sentence):
            return listed, filled.groupdict()
    return None


def told(sentence: str) -> str:
    """The sentence in the reader's language."""
    found = find(sentence)
    if found is None:
        return sentence
    listed, filled = found
    return gettext(listed, **filled) if filled else gettext(listed)


def sentences(problems: object) -> list[str]:
    """What a schema says of one field, told, however deep it nested it."""
    if problems is None:
        return []
    if isinstance(problems, Mapping):
        return [sentence for inner in problems.values() for sentence in sentences(inner)]
    if isinstance(problems, list | tuple):
        return [sentence for inner in problems for sentence in sentences(inner)]
    return [told(str(problems))]
