import pytest

from hub.accounts import credentials


@pytest.fixture(autouse=True)
def cheap_hashes() -> None:
    credentials.weaken_for_tests()
