"""Methods without any crypto of their own, and MSCHAPv2: our peer with our server."""

import pytest

from conformance.eap.conversation import Outcome
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2 import ErrorCode, FailureText
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from tests.eap.talk import USERS, agree, peer_of, server_of, talk

PAIRS = [(Md5Peer, Md5Server), (GtcPeer, GtcServer), (Mschapv2Peer, Mschapv2Server)]


@pytest.mark.parametrize(("peer", "server"), PAIRS)
def test_a_right_password_succeeds(peer: type[PeerMethod], server: type[ServerMethod]) -> None:
    one, other = peer_of(peer("eappassword")), server_of(server(dict(USERS)))  # type: ignore[call-arg]
    talk(one, other)
    agree(one, other)
    assert (one.msk is None) == (peer is not Mschapv2Peer)
    assert one.msk is None or len(one.msk) == 64


@pytest.mark.parametrize(("peer", "server"), PAIRS)
@pytest.mark.parametrize("identity", [b"carol", b"mallory"])
def test_a_wrong_password_fails(peer: type[PeerMethod], server: type[ServerMethod], identity: bytes) -> None:
    one = peer_of(peer("wrong"), identity=identity)  # type: ignore[call-arg]
    other = server_of(server(dict(USERS)))  # type: ignore[call-arg]
    talk(one, other)
    assert (one.outcome, other.outcome) == (Outcome.FAILURE, Outcome.FAILURE)
    assert one.msk is None is other.msk


def test_another_password_may_be_tried() -> None:
    peer = peer_of(Mschapv2Peer("wrong", retries=["worse", "eappassword"]))
    server = server_of(Mschapv2Server(dict(USERS), retries=2))
    talk(peer, server)
    agree(peer, server)


def test_retries_come_to_an_end() -> None:
    method = Mschapv2Peer("wrong", retries=["worse", "eappassword"])
    peer, server = peer_of(method), server_of(Mschapv2Server(dict(USERS), retries=1))
    talk(peer, server)
    assert peer.outcome is Outcome.FAILURE
    assert method.retries == ["eappassword"]


def test_an_expired_password_is_changed() -> None:
    users, errors = dict(USERS), {b"carol": ErrorCode.PASSWD_EXPIRED}
    peer = peer_of(Mschapv2Peer("eappassword", new_password="better"))
    server = server_of(Mschapv2Server(users, errors=errors))
    talk(peer, server)
    agree(peer, server)
    assert users[b"carol"] == "better"
    assert not errors


@pytest.mark.parametrize("error", list(ErrorCode))
def test_other_errors_are_told(error: ErrorCode) -> None:
    method = Mschapv2Peer("eappassword")
    peer, server = peer_of(method), server_of(Mschapv2Server(dict(USERS), errors={b"carol": error}, text=b"no!"))
    talk(peer, server)
    assert peer.outcome is Outcome.FAILURE
    assert method.failure is not None
    assert (method.failure.error, method.failure.version, method.failure.message) == (error, 3, b"no!")


@pytest.mark.parametrize("message", [b"", b"E=", b"E=99999999999 R=7 C=zz", b"\xff" * 99, b"C=" + b"0" * 31, b"M="])
def test_a_nonsensical_failure_promises_nothing(message: bytes) -> None:
    text = FailureText.decode(message)
    assert not text.retry
    assert text.challenge is None


class LyingServer(Mschapv2Server):
    """Does not know the password."""

    def prove(self, password: str, peer_challenge: bytes, response: bytes, name: bytes) -> bytes:
        return super().prove("guess", peer_challenge, response, name)


def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    peer, server = peer_of(Mschapv2Peer("eappassword")), server_of(LyingServer(dict(USERS)))
    talk(peer, server)
    assert (peer.outcome, peer.why) == (Outcome.FAILURE, "wrong authenticator response")
    assert server.outcome is Outcome.ONGOING
