"""The mail server is spoken to under TLS, and only if it is the one that its certificate names."""

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from hub import outbox
from hub.notices import mail
from tests.unit.notices.conftest import Mailbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Of 127.0.0.1, by nobody; key and certificate in one file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", f"{file}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
def guarded(certificate) -> Mailbox:
    """Takes no mail before STARTTLS and a password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def signed_in(server, session, envelope, mechanism, given):
        ok = isinstance(given, LoginPassword) and (given.login, given.password) == (b"hub", b"p@ss:word")
        return AuthResult(success=ok, handled=ok)

    box = Mailbox(
        options={
            "tls_context": context,
            "require_starttls": True,
            "authenticator": signed_in,
            "auth_required": True,
        }
    )
    box.start()
    yield box
    box.stop()


def reached(settings, box, user="hub:p%40ss%3Aword@"):
    return replace(settings, smtp_url=f"smtp://{user}127.0.0.1:{box.controller.port}")


def test_mail_goes_out_under_tls_with_the_password_of_the_address(settings, guarded, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    mail.check(reached(settings, guarded))


def test_a_wrong_password_is_named(settings, guarded, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    with pytest.raises(outbox.NotYet, match="535"):
        mail.check(reached(settings, guarded, "hub:other@"))


def test_a_server_with_a_certificate_of_nobody_gets_no_mail(settings, guarded):
    with pytest.raises(outbox.NotYet, match="certificate"):
        mail.check(reached(settings, guarded))
