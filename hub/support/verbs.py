"""Every step that is a button, by its name."""

from collections.abc import Callable, Mapping

from hub.support import delivery, peers, requests, team, triage
from hub.support.models import (
    SupportRequest,
)

VERBS: Mapping[str, Callable[..., SupportRequest]] = {
    "submit": requests.submit,
    "withdraw": requests.withdraw,
    "acknowledge": triage.acknowledge,
    "triage": triage.triage,
    "ask": triage.ask,
    "reply": requests.reply,
    "send": triage.send,
    "remove": triage.remove,
    "pause": triage.pause,
    "resume": triage.resume,
    "decline": triage.decline,
    "accept": delivery.accept,
    "refuse": delivery.refuse,
    "declare": delivery.declare,
    "hand_over": team.hand_over,
    "propose": delivery.propose,
    "agree": requests.agree,
    "send_back": requests.send_back,
    "no_plan": delivery.no_plan,
    "close": requests.close,
    "reopen": requests.reopen,
    "invite": peers.invite,
    "ask_peer": peers.ask_peer,
    "join": peers.join,
    "stay_out": peers.stay_out,
    "share": peers.share,
}
"""Steps that are a button: `VERBS[action](session, membership, name, version=…, …)`."""
