from hub.notices import notices, words
from hub.support.lifecycle import ACTIONS


def test_every_step_of_a_request_has_words_of_its_own():
    assert set(ACTIONS) - notices.NEVER_TOLD <= set(words.STEPS)
