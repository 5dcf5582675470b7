from dataclasses import replace

import pytest

from conformance.ike.core.connection import ChildConfig, CookiePolicy, Mode
from conformance.ike.core.events import Closed, ExchangeFailed
from conformance.ike.core.sending import State
from conformance.wire import (
    AUTH,
    AuthMethod,
    ExchangeType,
    HashAlgorithm,
    KeMethod,
    NotifyType,
    decode_header,
    decode_message,
)
from peers.reference.device import PIXIT
from suites.connections import Setup, certificates, psk
from tests.ike.pair import Pair

SUITES = [
    "aes128gcm16-prfsha256-x25519",
    "aes256gcm16-prfsha384-ecp384",
    "aes128-sha256-modp2048",
    "aes256-sha512-ecp521",
    "aes128ctr-sha256-ecp256",
    "aes128ccm8-prfsha256-ecp256",
    "chacha20poly1305-prfsha256-x448",
    "3des-sha1-modp1024",
    "aes128-aesxcbc-prfaesxcbc-x25519",
    "aes128-aescmac-prfaescmac-x25519",
]


@pytest.mark.parametrize("suite", SUITES)
def test_both_ends_agree(suite: str) -> None:
    pair = Pair(psk(proposals=(suite,)))
    ours, theirs = pair.establish()
    (one,), (other,) = ours.children, theirs.children
    assert (one.spi_in, one.spi_out) == (other.spi_out, other.spi_in)
    assert one.keys == other.keys
    assert one.local_ts == other.remote_ts and one.remote_ts == other.local_ts


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_certificates(kind: str) -> None:
    ours, _ = Pair(certificates(kind)).establish()
    assert ours.state == State.ESTABLISHED


@pytest.mark.parametrize(
    ("setup", "method"),
    [
        (psk(), AuthMethod.SHARED_KEY_MIC),
        (certificates("rsa"), AuthMethod.DIGITAL_SIGNATURE),
        (certificates("ecdsa"), AuthMethod.DIGITAL_SIGNATURE),
    ],
)
def test_method_of_authentication(setup: Setup, method: AuthMethod) -> None:
    pair = Pair(setup)
    seen: list[AuthMethod] = []
    original = pair.responder.sa_class.handle_auth

    def spy(sa: object, message: object) -> object:
        seen.append(message.first(AUTH).method)  # type: ignore[attr-defined]
        return original(sa, message)  # type: ignore[arg-type]

    pair.responder.sa_class = type("Spy", (pair.responder.sa_class,), {"handle_auth": spy})  # type: ignore[misc]
    pair.establish()
    assert seen == [method]


def test_classic_signatures_where_the_peer_announces_no_hashes() -> None:
    pair = Pair(certificates("rsa"))
    quiet = type("Quiet", (pair.responder.sa_class,), {"signature_hashes": lambda self: ()})
    pair.responder.sa_class = quiet  # type: ignore[misc]
    ours, _ = pair.establish()
    assert ours.signature_method(ours.connection.local.auth) == AuthMethod.RSA_SIGNATURE  # type: ignore[arg-type]


def test_the_strongest_announced_hash_is_used() -> None:
    ours, _ = Pair(certificates("rsa")).establish()
    assert ours.signature_hash(ours.connection.local.auth) == HashAlgorithm.SHA2_512  # type: ignore[arg-type]


def test_a_wrong_secret_is_refused() -> None:
    pair = Pair(psk())
    wrong = psk(secret=b"another")
    pair.responder.connection = replace(pair.responder.connection, remote=wrong(PIXIT).local)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas
    failures = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failures[-1].notify == NotifyType.AUTHENTICATION_FAILED


def test_cookies_are_asked_for_and_returned() -> None:
    pair = Pair(cookies=CookiePolicy.ALWAYS)
    pair.establish()
    first = [decode_message(one.payload) for one in pair.wire[:4]]
    assert first[1].notify(NotifyType.COOKIE) is not None
    assert first[2].payloads[1:] == first[0].payloads and first[2].spi_i == first[0].spi_i


def test_another_group_is_asked_for() -> None:
    pair = Pair(psk(proposals=("aes128gcm16-prfsha256-x25519-ecp256",)), proposals=("aes128gcm16-prfsha256-ecp256",))
    ours, _ = pair.establish()
    assert ours.keys is not None and ours.keys.suite.ke == KeMethod.ECP_256


def test_no_proposal_in_common() -> None:
    pair = Pair(proposals=("aes256-sha512-ecp521",))
    sa = pair.initiator.initiate()
    pair.run()
    assert not pair.responder.sas
    pair.sleep(sa.connection.patience())
    assert sa.state == State.CLOSED
    failures = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failures[-1].notify == NotifyType.NO_PROPOSAL_CHOSEN


def test_a_refused_child_leaves_the_ike_sa() -> None:
    pair = Pair(children=(ChildConfig("net", ("aes128gcm16",), ("172.16.0.0/16",), ("172.17.0.0/16",)),))
    ours, theirs = pair.establish()
    assert not ours.children and not theirs.children
    failures = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failures[-1].notify == NotifyType.TS_UNACCEPTABLE


def test_narrowing() -> None:
    pair = Pair(psk(local_ts=("10.0.0.0/8",), remote_ts=("10.0.0.0/8",)))
    connection = pair.responder.connection
    narrow = replace(connection.children[0], local_ts=("10.2.3.0/24",), remote_ts=("10.1.0.0/16[tcp/80]",))
    pair.responder.connection = replace(connection, children=(narrow,))
    ours, _ = pair.establish()
    assert [str(one) for one in ours.children[0].remote_ts] == ["10.2.3.0/24"]
    assert ours.children[0].local_ts[0].protocol == 6


def test_transport_mode() -> None:
    ours, theirs = Pair(psk(mode=Mode.TRANSPORT)).establish()
    assert ours.children[0].mode == theirs.children[0].mode == Mode.TRANSPORT


def test_fragments() -> None:
    pair = Pair(certificates("rsa", fragment_size=576))
    pair.establish()
    sizes = [len(one.payload) + 28 for one in pair.wire if decode_header(one.payload).exchange == ExchangeType.IKE_AUTH]
    assert len(sizes) > 2 and max(sizes) <= 576


def test_without_fragmentation_support_nothing_is_fragmented() -> None:
    pair = Pair(certificates("rsa", fragment_size=576), fragment_size=0)
    pair.establish()
    assert len([one for one in pair.wire if decode_header(one.payload).exchange == ExchangeType.IKE_AUTH]) == 2


def test_forced_encapsulation_moves_to_the_other_port() -> None:
    pair = Pair(psk(force_encapsulation=True))
    ours, _ = pair.establish()
    assert ours.local.port == 4500
    assert pair.wire[-1].payload.startswith(bytes(4))


def test_the_same_seed_gives_the_same_octets() -> None:
    one, other, third = Pair(seed=5), Pair(seed=5), Pair(seed=6)
    for pair in (one, other, third):
        pair.establish()
    assert [d.payload for d in one.wire] == [d.payload for d in other.wire] != [d.payload for d in third.wire]


def test_requests_are_repeated_until_the_last_try() -> None:
    pair = Pair()
    sa = pair.initiator.initiate()
    pair.run(keep=lambda datagram: False)
    for _ in range(10):
        timer = pair.initiator.next_timer()
        if timer is None:
            break
        pair.now = timer
        pair.initiator.tick(timer)
        pair.run(keep=lambda datagram: False)
    assert len(pair.wire) == 1 + sa.connection.retransmit_tries
    assert len({one.payload for one in pair.wire}) == 1
    assert any(isinstance(event, Closed) for event in pair.initiator.events)


def test_lost_messages_are_sent_again() -> None:
    pair = Pair()
    pair.initiator.initiate()
    lost = iter([False, True, False, True] + [True] * 20)
    pair.run(keep=lambda datagram: next(lost))
    for _ in range(4):
        pair.wait(2.0)
    pair.sas()
