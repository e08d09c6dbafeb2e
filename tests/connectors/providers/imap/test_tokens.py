"""Signing in with access tokens: Dovecot checks them by its own means, hoodiecrow answers as Gmail does."""

import base64
import json
import time
from dataclasses import replace

import pytest

from connectors.errors import AuthenticationError, ConfigurationError, ConnectorError
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from connectors.sasl import Exchange
from tests.connectors.providers.imap.test_dovecot import LOOPBACK, DovecotGround
from tests.connectors.providers.imap.test_hoodiecrow import HoodiecrowGround
from tests.contracts.adapter import ReceiverContract, mail
from tests.servers.dovecot import DovecotServer
from tests.servers.hoodiecrow import HoodiecrowServer

BOTH = pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])


class TokenGround(DovecotGround):
    def __init__(self, server: DovecotServer, auth: str, security: str = "tls") -> None:
        super().__init__(server, security)
        self.secret = server.token(self.user)
        self.options = replace(self.options, auth=auth)

    def signed_in_with(self, token: str) -> ImapAdapter:
        return ImapAdapter(self.options, secret=lambda: token, policy=LOOPBACK)

    def failure(self, token: str) -> ConnectorError:
        with pytest.raises(AuthenticationError) as caught:
            self.signed_in_with(token).open()
        assert token not in f"{caught.value!r} {vars(caught.value)}"
        return caught.value


class TestImapByXoauth2(ReceiverContract):
    @pytest.fixture
    def ground(self, dovecot: DovecotServer) -> TokenGround:
        return TokenGround(dovecot, "xoauth2")


@BOTH
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_token_signs_in(dovecot: DovecotServer, auth: str, security: str) -> None:
    ground = TokenGround(dovecot, auth, security)
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        assert adapter.fetch(page.refs[0]).body.read() == mail(1)
    steps = {step.key: step for step in ground.adapter().check().steps}
    assert steps["sign_in"].detail.endswith(f"by {auth.upper()}")


@BOTH
def test_a_token_that_has_run_out_is_not_even_sent(dovecot: DovecotServer, auth: str) -> None:
    """Field note 72."""
    ground = TokenGround(dovecot, auth)
    error = ground.failure(dovecot.token(ground.user, seconds=-1))
    assert error.code == "token_expired"
    assert "new access token" in error.what_to_do


@BOTH
def test_a_token_for_another_account_is_told_apart(dovecot: DovecotServer, auth: str) -> None:
    """Field note 23: a token for the wrong user; the shared mailbox's rule is explained."""
    ground = TokenGround(dovecot, auth)
    other, _ = dovecot.add_user()
    error = ground.failure(dovecot.token(other))
    assert error.code == "token_other_account"
    assert "shared mailbox" in error.what_to_do
    assert other not in str(error)


@BOTH
def test_a_token_for_something_else_is_refused(dovecot: DovecotServer, auth: str) -> None:
    """Field note 23: a token with the wrong scope."""
    ground = TokenGround(dovecot, auth)
    assert ground.failure(dovecot.token(ground.user, scope="https://mail.acme.example/smtp")).code in {
        "token_scope",
        "token_refused",
    }
    stranger = dovecot.token(ground.user)[:-8] + "AAAAAAAA"
    assert ground.failure(stranger).code == "token_refused"


@BOTH
def test_a_token_renewed_between_two_sessions_goes_on_from_the_cursor(
    dovecot: DovecotServer, auth: str
) -> None:
    """Field note 72: the token is asked for at every sign-in, and the position outlives it."""
    ground = TokenGround(dovecot, auth)
    ground.deliver(mail(1))
    tokens = iter([dovecot.token(ground.user, seconds=60), dovecot.token(ground.user)])
    adapter = ImapAdapter(ground.options, secret=lambda: next(tokens), policy=LOOPBACK)
    with adapter:
        [page] = adapter.changes("INBOX", None)
    ground.deliver(mail(2))
    with adapter:
        [news] = adapter.changes("INBOX", page.cursor)
        assert [adapter.fetch(ref).body.read() for ref in news.refs] == [mail(2)]


def test_gmails_way_of_refusing_a_token_is_answered(hoodiecrow: HoodiecrowServer) -> None:
    """The challenge with the reason wants an empty line before the refusal itself comes."""
    ground = HoodiecrowGround(hoodiecrow.mailbox(plugins=["SASL-IR", "XOAUTH2"]))
    ground.options = replace(ground.options, auth="xoauth2")
    with ground.adapter() as adapter:
        assert adapter.folders()
    with pytest.raises(AuthenticationError) as caught:
        ground.adapter(secret=lambda: "wrong").open()
    assert caught.value.code == "token_refused"


def test_a_server_without_the_mechanism_gets_no_token(hoodiecrow: HoodiecrowServer) -> None:
    """Field note 71: no other mechanism is tried instead."""
    ground = HoodiecrowGround(hoodiecrow.mailbox())
    ground.options = replace(ground.options, auth="oauthbearer")
    with pytest.raises(ConfigurationError) as caught:
        ground.adapter().open()
    assert caught.value.code == "auth_not_offered"


def exchange(auth: str, user: str = "orders@acme.example", secret: str = "secret") -> Exchange:
    return Exchange(auth, user=user, secret=secret, host="imap.acme.example", port=993)


def test_the_first_messages_are_as_the_documents_say() -> None:
    """RFC 4616, RFC 7628 section 3.1, and Google's and Microsoft's pages on XOAUTH2."""
    assert exchange("password").initial == b"\0orders@acme.example\0secret"
    assert exchange("xoauth2").initial == b"user=orders@acme.example\1auth=Bearer secret\1\1"
    assert exchange("oauthbearer", user="a,b=c").initial == (
        b"n,a=a=2Cb=3Dc,\1host=imap.acme.example\1port=993\1auth=Bearer secret\1\1"
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [("invalid_token", "token_refused"), ("400", "token_refused"), ("insufficient_scope", "token_scope")],
)
def test_the_reason_a_server_gives_is_told(status: str, code: str) -> None:
    refused = exchange("oauthbearer")
    assert refused.answer(b"") == refused.initial
    assert refused.answer(json.dumps({"status": status}).encode()) == b"\1"
    assert refused.answer(b"and another") is None
    assert refused.refusal(AuthenticationError("no")).code == code


@pytest.mark.parametrize("challenge", [b"", b"{", b"[1]", b"7", b"[" * 100_000, b'{"status": {}}', b"\xff"])
def test_a_reason_that_cannot_be_read_is_a_plain_refusal(challenge: bytes) -> None:
    refused = exchange("xoauth2")
    refused.sent_at_once()
    assert refused.answer(challenge) == b""
    assert refused.refusal(AuthenticationError("no")).code == "token_refused"


def jwt_saying(claims: object) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"


@pytest.mark.parametrize(
    "secret", ["opaque", "a.b.c", "a.%%%.c", jwt_saying([]), jwt_saying({"exp": "soon"}), "é.é.é"]
)
def test_tokens_need_not_be_readable(secret: str) -> None:
    assert exchange("xoauth2", secret=secret).initial


def test_an_account_is_compared_without_regard_to_case() -> None:
    token = jwt_saying({"upn": "Orders@Acme.example", "exp": time.time() + 60})
    refused = exchange("xoauth2", secret=token)
    assert refused.refusal(AuthenticationError("no")).code == "token_refused"


@pytest.mark.parametrize("control", ["\1", "\0", "\r", "\n"])
def test_controls_in_user_or_token_are_refused(control: str) -> None:
    """Field note 70: nothing ends a part of the sign-in early."""
    with pytest.raises(ConfigurationError):
        ImapOptions(host="localhost", user=f"a{control}b", auth="xoauth2")
    options = ImapOptions(host="localhost", user="orders", auth="xoauth2")
    with pytest.raises(ConfigurationError):
        options.exchange(f"a{control}b")
    with pytest.raises(ConfigurationError):
        replace(options, auth="none")
