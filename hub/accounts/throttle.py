"""How often somebody may try. Counts live where `HUB_RATE_LIMIT_STORAGE` says; one process needs only its memory."""

import ipaddress
import math
import time

from limits import RateLimitItem, parse_many
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from hub.errors import TooManyAttempts


class Throttle:
    """`limits`: Flask-Limiter's notation, `10 per minute;50 per hour`. `storage`: `memory://` or a Redis address."""

    def __init__(self, limits: str, storage: str) -> None:
        self._limits = parse_many(limits)
        self._limiter = MovingWindowRateLimiter(storage_from_string(storage))

    def hit(self, *keys: str) -> None:
        """Count one attempt for each key. Raises `TooManyAttempts`, with the seconds to wait, if any had too many."""
        waits = [self._wait(limit, key) for key in keys for limit in self._limits if not self._limiter.hit(limit, key)]
        if waits:
            error = TooManyAttempts()
            error.retry_after_s = max(waits)
            raise error

    def _wait(self, limit: RateLimitItem, key: str) -> int:
        return max(1, math.ceil(self._limiter.get_window_stats(limit, key).reset_time - time.time()))


def address_key(address: str | None) -> str:
    """One subscriber is one key: an IPv4 address, or the /64 that an IPv6 line is given."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return f"address:{address}"
    if parsed.version == 6:
        return f"address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"
