import pytest

from hub.accounts.throttle import Throttle, address_key
from hub.errors import TooManyAttempts


def test_attempts_beyond_the_limit_are_refused_with_the_seconds_to_wait():
    throttle = Throttle("2 per minute;50 per hour", "memory://")
    throttle.hit("a")
    throttle.hit("a")

    with pytest.raises(TooManyAttempts) as refused:
        throttle.hit("a")

    assert 1 <= refused.value.retry_after_s <= 61


def test_keys_are_counted_apart_and_each_counts():
    throttle = Throttle("2 per minute", "memory://")
    throttle.hit("address:1", "account:a")
    throttle.hit("address:2", "account:a")

    throttle.hit("address:1", "account:b")
    with pytest.raises(TooManyAttempts):
        throttle.hit("address:3", "account:a")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        (None, None, True),
    ],
)
def test_one_line_is_one_key(first, second, same):
    assert (address_key(first) == address_key(second)) is same
