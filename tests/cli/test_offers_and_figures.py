"""What is offered, and the figures of a quarter, from the command line."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT
from hub.support import offers
from hub.support.offers import OfferData
from tests import factories


def test_public_offers_are_listed(run: Any, session: Session) -> None:
    iom = factories.member(session, EXPERT, factories.agency(session, "iom"))
    until = offers.today() + timedelta(days=9)
    for audience in ("public", "network"):
        offers.create(session, iom, OfferData("training", f"For {audience}", "Words", audience, until, objectives=(6,)))
    listed = run("offers", "list", "--objective", "6")
    assert (listed.exit_code, "For public" in listed.output, "For network" in listed.output) == (0, True, False)
    assert [one["entity"]["id"] for one in json.loads(run("offers", "list", "--json").output)] == ["iom"]


def test_a_quarter_is_frozen_once_and_not_before_its_time(run: Any) -> None:
    made = run("snapshot", "--quarter", "2026Q2")
    assert (made.exit_code, "2026Q2: made on" in made.output) == (0, True)
    assert "2026Q2: was made on" in run("snapshot", "--quarter", "2026Q2").output
    shown = json.loads(run("snapshot", "--quarter", "2026Q2", "--json").output)
    assert (shown["as_of"], shown["figures"]["total"]) == ("2026-08-14", None)
    early = run("snapshot", "--quarter", "2099Q1")
    assert (early.exit_code, "can be made after 2099-05-15" in early.output) == (1, True)
    assert run("snapshot", "--quarter", "spring").exit_code == 1
