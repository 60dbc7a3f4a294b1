"""Signing in, the account page and the members page, as a browser meets them."""

from hub.accounts.models import FOCAL_POINT
from tests import factories, signing


def test_a_focal_point_signs_in_and_sees_the_own_account(client, session):
    membership = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"), name="Office of migration")

    signing.sign_in(client, membership)

    page = client.get("/en/account")
    assert page.status_code == 200
    assert "Office of migration" in page.get_data(as_text=True)
