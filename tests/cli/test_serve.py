"""`hub serve`: what it says of itself."""

import pytest

from hub import serving


@pytest.mark.parametrize(
    ("words", "configured", "begin"),
    [
        ((), "", "http://127.0.0.1:8000"),
        (("--port", "8123"), "", "http://127.0.0.1:8123"),
        (("--host", "0.0.0.0", "--port", "80"), "", "http://127.0.0.1:80"),
        (("--host", "::1", "--port", "8123"), "", "http://[::1]:8123"),
        (("--port", "8123"), "https://hub.example.org", "https://hub.example.org"),
    ],
)
def test_links_begin_with_where_it_serves_unless_a_public_address_is_set(run, monkeypatch, words, configured, begin):
    monkeypatch.setenv("HUB_PUBLIC_URL", configured)
    served = []
    monkeypatch.setattr(serving, "serve", lambda hub, **_: served.append(hub.settings.public_url))
    assert run("serve", *words).exit_code == 0
    assert served == [begin]
