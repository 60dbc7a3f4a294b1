"""What matching compares of a request is encoded once, by a job, and kept with its row."""

import pytest
from sqlalchemy import delete

from hub.accounts.models import FOCAL_POINT
from hub.matching import service
from hub.search.embedding import HashEmbedder
from hub.support import reading, requests, vectors
from hub.support.models import RequestVectors, SupportRequest
from hub.support.requests import RequestData
from hub.worker import Worker
from tests import factories

pytestmark = pytest.mark.both_databases

FIRST = RequestData("Pay on time", "Seasonal workers are paid late. We want to end that.", "en", (6,))


class Counting(HashEmbedder):
    """Counts how many texts it was given as questions."""

    encoded = 0

    def queries(self, texts):
        self.encoded += len(texts)
        return super().queries(texts)


@pytest.fixture
def team(hub, session):
    hub.embedder = HashEmbedder()
    member = factories.member(session, FOCAL_POINT, factories.state(session))
    session.commit()
    return member


@pytest.fixture
def row(hub, session, team):
    row = requests.draft(session, team, FIRST)
    work(hub, session)
    return row


def work(hub, session):
    session.commit()
    Worker(hub, {vectors.ENCODE: vectors.encode}).run_once()
    session.expire_all()


def encoded_for(session, row):
    counting = Counting()
    texts = service.texts(reading.match_request(row))
    found = vectors.at_hand(session, row, counting).queries(texts)
    assert found == pytest.approx(HashEmbedder().queries(texts))
    return counting.encoded


def test_a_request_that_the_worker_has_seen_is_not_encoded_again(session, row):
    assert encoded_for(session, row) == 0


def test_other_words_are_encoded_until_the_next_job_has_kept_them(hub, session, team, row):
    requests.edit(session, team, row.id, RequestData("Pay on time", "Other words.", "en"), version=row.version)
    assert encoded_for(session, row) > 0
    work(hub, session)
    assert encoded_for(session, row) == 0


def test_vectors_of_another_model_are_not_used(session, row):
    session.get_one(RequestVectors, row.id).model = "another"
    assert encoded_for(session, row) > 0


def test_they_go_with_their_request(session, row):
    assert session.get(RequestVectors, row.id) is not None
    session.expunge_all()
    session.execute(delete(SupportRequest).where(SupportRequest.id == row.id))
    assert session.get(RequestVectors, row.id) is None
