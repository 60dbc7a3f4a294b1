"""What statuses, parties, clocks, reasons and steps are called on pages."""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

STATUS_NAMES: Mapping[str, LazyString] = {
    "draft": lazy_gettext("Draft"),
    "discarded": lazy_gettext("Discarded draft"),
    "submitted": lazy_gettext("Submitted"),
    "clarification": lazy_gettext("Waits for the State’s reply"),
    "triaged": lazy_gettext("Taken on"),
    "matching": lazy_gettext("Sent to agencies"),
    "unplaced": lazy_gettext("No agency found yet"),
    "planning": lazy_gettext("Being planned"),
    "in_progress": lazy_gettext("An agency works on it"),
    "answered": lazy_gettext("Answered"),
    "closed": lazy_gettext("Closed"),
    "withdrawn": lazy_gettext("Withdrawn"),
    "declined": lazy_gettext("Declined"),
    "lapsed": lazy_gettext("Ended without a reply"),
}


CLOCK_NAMES: Mapping[str, LazyString] = {
    "acknowledge": lazy_gettext("Acknowledgement"),
    "triage": lazy_gettext("Decision to take it on"),
    "match": lazy_gettext("Agency found"),
    "plan": lazy_gettext("Plan agreed"),
    "answer": lazy_gettext("First answer"),
    "reply": lazy_gettext("Reply of the State"),
}


TASK_NAMES: Mapping[str, LazyString] = {
    "triage": lazy_gettext("Check it and send it on"),
    "send": lazy_gettext("Send it to an agency"),
    "send_again": lazy_gettext("Every agency declined: send it to another one"),
    "decide": lazy_gettext("Decide whether your agency takes it"),
    "plan": lazy_gettext("Propose a plan, or say that none is needed"),
    "write": lazy_gettext("Write the answer"),
    "contribute": lazy_gettext("Write what your agency contributes"),
    "lead": lazy_gettext("No agency leads it: ask one"),
    "nobody": lazy_gettext("An agency that has it has nobody here any more"),
    "resume": lazy_gettext("It stands still because nobody of the State can act"),
    "reply": lazy_gettext("Answer the secretariat’s question"),
    "agree": lazy_gettext("Look at the proposed plan"),
    "join": lazy_gettext("Decide whether your State takes part"),
    "offer": lazy_gettext("Ask who offers what the State wants"),
    "read": lazy_gettext("Read the answer"),
    "finish": lazy_gettext("Finish the saved draft"),
}


PARTY_NAMES: Mapping[str, LazyString] = {
    "requesting": lazy_gettext("Requesting State"),
    "co_requesting": lazy_gettext("Requesting together"),
    "copied": lazy_gettext("Copied"),
    "lead": lazy_gettext("Lead agency"),
    "contributor": lazy_gettext("Contributing agency"),
    "peer": lazy_gettext("Peer State"),
    "co_lead": lazy_gettext("Co-lead of the working group"),
}


PARTY_STATES: Mapping[str, LazyString] = {
    "sent": lazy_gettext("asked, has not decided yet"),
    "accepted": lazy_gettext("accepted"),
    "shared": lazy_gettext("accepted, reads everything"),
    "declined": lazy_gettext("declined"),
    "removed": lazy_gettext("no longer takes part"),
    "told": lazy_gettext("was told that a date has passed"),
}


PLAN_NAMES: Mapping[str, LazyString] = {
    "proposed": lazy_gettext("waits for the State’s agreement"),
    "agreed": lazy_gettext("agreed"),
    "sent_back": lazy_gettext("sent back"),
    "replaced": lazy_gettext("replaced"),
}


GROUP_NAMES: Mapping[str, LazyString] = {
    "facts": lazy_gettext("State, objectives, status and dates"),
    "text": lazy_gettext("Title and summary"),
    "answer": lazy_gettext("Answer"),
}
"""What a State agrees to publish, apart (`hub.support.consents`)."""


USED_NAMES: Mapping[str, LazyString] = {
    "yes": lazy_gettext("Yes"),
    "partly": lazy_gettext("Partly"),
    "not": lazy_gettext("No"),
}


REASON_NAMES: Mapping[str, LazyString] = {
    "in_scope": lazy_gettext("Within the scope of the Network"),
    "partly_in_scope": lazy_gettext("Partly within the scope of the Network"),
    "no_capacity": lazy_gettext("No capacity at present"),
    "outside_mandate": lazy_gettext("Outside the agency’s mandate"),
    "conflict_of_interest": lazy_gettext("Conflict of interest"),
    "outside_scope": lazy_gettext("Outside the scope of the Network"),
    "incomplete": lazy_gettext("Not enough is said to act on it"),
    "duplicate": lazy_gettext("The same was asked before"),
    "other": lazy_gettext("Another reason"),
    "alternate": lazy_gettext("The agency asked before did not accept"),
    "nobody": lazy_gettext("The State has no focal point here"),
    "personal": lazy_gettext("Personal or family ties"),
    "financial": lazy_gettext("A financial interest"),
    "earlier_work": lazy_gettext("Earlier work for this State"),
    "same_programme": lazy_gettext("Works in the same programme"),
    "own_state": lazy_gettext("Own State"),
    "unsaid": lazy_gettext("Declared without a reason"),
}


HAPPENED: Mapping[str, LazyString] = {
    "draft": lazy_gettext("%(office)s began a draft."),
    "edit": lazy_gettext("%(office)s changed the words."),
    "submit": lazy_gettext("%(office)s submitted the request."),
    "withdraw": lazy_gettext("%(office)s withdrew the request."),
    "decline": lazy_gettext("%(office)s declined the request."),
    "acknowledge": lazy_gettext("%(office)s has seen the request and looks into it."),
    "lapse": lazy_gettext("The request ended because no reply came. The State can open it again."),
    "remind": lazy_gettext("Reminder: %(stage)s is due."),
    "escalate": lazy_gettext("Overdue: %(stage)s."),
    "escalate_co_lead": lazy_gettext("%(target)s, which co-leads the working group, was told: %(stage)s is overdue."),
    "triage": lazy_gettext("%(office)s took the request on."),
    "ask": lazy_gettext("%(office)s asked a question."),
    "reply": lazy_gettext("%(office)s answered the question."),
    "propose": lazy_gettext("%(office)s proposed a plan."),
    "agree": lazy_gettext("%(office)s agreed to the plan."),
    "send_back": lazy_gettext("%(office)s asked for another plan."),
    "no_plan": lazy_gettext("%(office)s said that no plan is needed."),
    "send": lazy_gettext("%(office)s sent it to %(target)s."),
    "send_itself": lazy_gettext("It was sent to %(target)s, which was next in order."),
    "accept": lazy_gettext("%(office)s accepted."),
    "remove": lazy_gettext("%(target)s no longer takes part."),
    "adjust": lazy_gettext("%(office)s gave a reason."),
    "hand_over": lazy_gettext("%(office)s said who works on it."),
    "draft_contribution": lazy_gettext("%(office)s saved a draft of its contribution."),
    "discard_contribution": lazy_gettext("%(office)s discarded the draft of its contribution."),
    "contribute": lazy_gettext("%(office)s handed the lead its contribution."),
    "pause": lazy_gettext("The request stands still until somebody of the State can act again."),
    "resume": lazy_gettext("The request goes on."),
    "gone": lazy_gettext("%(target)s has nobody here any more."),
    "refuse": lazy_gettext("%(office)s did not accept."),
    "declare": lazy_gettext("%(office)s declared a conflict of interest."),
    "lift_conflict": lazy_gettext("%(office)s lifted a conflict of interest of %(target)s."),
    "draft_answer": lazy_gettext("%(office)s saved a draft answer."),
    "discard_draft": lazy_gettext("%(office)s discarded its draft answer."),
    "answer": lazy_gettext("%(office)s sent an answer."),
    "close": lazy_gettext("%(office)s closed the request."),
    "reopen": lazy_gettext("%(office)s opened the request again."),
    "invite": lazy_gettext("%(office)s invited %(target)s to ask together."),
    "ask_peer": lazy_gettext("%(office)s asked %(target)s to be a peer."),
    "join": lazy_gettext("%(office)s takes part."),
    "stay_out": lazy_gettext("%(office)s does not take part."),
    "share": lazy_gettext("%(office)s lets %(target)s read everything."),
    "offer_wanted": lazy_gettext("%(office)s wants an offer of %(target)s. The secretariat asks."),
    "offer_dropped": lazy_gettext("%(office)s lets the offer of %(target)s be."),
    "publish": lazy_gettext("%(office)s agreed to publish a part of this."),
    "unpublish": lazy_gettext("%(office)s took back its agreement to publish."),
    "release": lazy_gettext("%(office)s wrote an answer as it could be published."),
    "rate": lazy_gettext("%(office)s said what the answer of %(target)s was worth."),
    "attach": lazy_gettext("%(office)s added a file."),
    "erase_file": lazy_gettext("%(office)s erased a file."),
    "translate": lazy_gettext("%(office)s added or changed a translation."),
    "remove_translation": lazy_gettext("%(office)s took a translation away."),
    "link_made": lazy_gettext("%(office)s asked %(target)s a question by link."),
    "link_answered": lazy_gettext("%(target)s answered the question asked by link."),
    "link_revoked": lazy_gettext("%(office)s took the link to %(target)s back."),
    "link_erased": lazy_gettext("%(office)s erased the question to %(target)s and its answer."),
}


DONE: Mapping[str, LazyString] = {
    "submit": lazy_gettext("The request is submitted. The secretariat sees it now."),
    "withdraw": lazy_gettext("The request is withdrawn."),
    "acknowledge": lazy_gettext("The State knows now that you have seen the request."),
    "triage": lazy_gettext("The request is taken on. Send it to an agency next."),
    "ask": lazy_gettext("The question is sent. The State sees it now."),
    "reply": lazy_gettext("Your reply is sent. The secretariat sees it now."),
    "propose": lazy_gettext("The plan is proposed. The State sees it now."),
    "agree": lazy_gettext("You have agreed to the plan. The agency sees it now."),
    "send_back": lazy_gettext("The plan is sent back. The agency sees what should be different."),
    "no_plan": lazy_gettext("No plan is needed. Write the answer next."),
    "send": lazy_gettext("The request is sent. The agency sees it now."),
    "decline": lazy_gettext("The request is declined. The State sees why."),
    "accept": lazy_gettext("Your agency has accepted the request."),
    "remove": lazy_gettext("The agency no longer takes part. The request is no longer open to it."),
    "pause": lazy_gettext("The request stands still."),
    "resume": lazy_gettext("The request goes on."),
    "hand_over": lazy_gettext("Your agency sees who works on it."),
    "refuse": lazy_gettext("Your agency has not accepted. The request is no longer open to it."),
    "declare": lazy_gettext("Your conflict of interest is recorded. The request is no longer open to you."),
    "close": lazy_gettext("The request is closed."),
    "reopen": lazy_gettext("The request is open again."),
    "invite": lazy_gettext("The State is invited. It sees the summary until it takes part."),
    "ask_peer": lazy_gettext("The State is asked. It sees the summary only."),
    "join": lazy_gettext("Your State takes part."),
    "stay_out": lazy_gettext("Your State does not take part. The request is no longer open to it."),
    "share": lazy_gettext("The State reads everything now."),
}
