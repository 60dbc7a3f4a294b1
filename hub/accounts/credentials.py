"""Passwords and secret tokens: how they are made, judged and kept. Nothing here reads or writes the database."""

import hashlib
import secrets
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256
"""Characters of a password. The longest bounds the work of one attempt; NIST SP 800-63B asks for at least 64."""
FEWEST_DISTINCT = 5
COMMON = frozenset(
    {
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "passw0rd1234",
        "p@ssw0rd1234",
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123456789abc",
        "abcdefghijkl",
        "abcdefghijklm",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopas",
        "qwertyuiop[]",
        "qwerty123456",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "administrator",
        "administrator1",
        "letmeinletmein",
        "iloveyou1234",
        "changeme1234",
        "changemenow1",
        "welcome12345",
        "welcome123456",
        "correcthorsebatterystaple",
        "correct horse battery staple",
        "unitednations",
        "migrationnetwork",
        "migrationhub",
        "migration hub",
    }
)
"""Common passwords that are long enough to pass the rule of length."""

_strong = PasswordHasher()
"""argon2id with argon2-cffi's defaults, the low-memory profile of RFC 9106: 3 passes over 64 MiB."""
_hasher = _strong


def weaken_for_tests() -> None:
    """Hash with next to no work from now on. Only `create_app` with `settings.testing` calls this."""
    global _hasher  # noqa: PLW0603 - one hasher a process, as one configuration a process
    _hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _bytes(password: str) -> bytes:
    """The same password typed on two keyboards is the same bytes (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password[: LONGEST + 1]).encode("utf-8", "surrogatepass")


def hash_password(password: str) -> str:
    return _hasher.hash(_bytes(password))


@lru_cache(maxsize=2)
def _nobodys(hasher: PasswordHasher) -> str:
    """The hash of a password that nobody knows: an unknown account takes as long to refuse as a known one."""
    return hasher.hash(secrets.token_bytes(32))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one. No hash: no, after the same work."""
    try:
        matches = _hasher.verify(password_hash or _nobodys(_hasher), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None and len(password) <= LONGEST


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than those of today."""
    return _hasher.check_needs_rehash(password_hash)


def password_problems(password: str, *, email: str, name: str) -> list[str]:
    """What is wrong with a new password, in sentences; empty if nothing. No rules of composition (NIST SP 800-63B)."""
    if len(password) < SHORTEST:
        return [f"Use at least {SHORTEST} characters; a few unrelated words are easy to remember."]
    if len(password) > LONGEST:
        return [f"Use at most {LONGEST} characters."]
    lowered = unicodedata.normalize("NFKC", password).strip().casefold()
    if lowered in email or email in lowered or lowered == name.casefold():
        return ["Use a password that is not your e-mail address or name."]
    if lowered in COMMON or len(set(lowered)) < FEWEST_DISTINCT:
        return ["This password is easy to guess; choose another."]
    return []


def new_token() -> str:
    """256 random bits that fit into an address."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token. Tokens are random, so a fast hash is enough, and looking one up by it leaks no timing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
