"""A raw public key proves one side, and a certificate the other one (RFC 7670; RFC 7296, section 2.15)."""

from dataclasses import replace

from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, certificates, raw_keys
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.purpose import purpose

TIER = "full"

NEEDS = (Capability.RAW_PUBLIC_KEYS,)
CITED = ("RFC7296-4-4", "RFC7670-1-1")


def one_raw(*, ours: bool) -> Setup:
    """One side is known by its raw key, the other one by a certificate."""

    def setup(pixit: Pixit) -> Connection:
        raw, certified = raw_keys()(pixit), certificates("ecdsa")(pixit)
        known, other = (raw, certified) if ours else (certified, raw)
        return replace(certified, local=known.local, remote=other.remote)

    return setup


def opened_by_us(peer: Peer) -> None:
    """We open an IKE SA and have a Child SA."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, CITED[0])


def opened_by_device(peer: Peer, dut: Dut) -> None:
    """The device opens an IKE SA and has a Child SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    must_be_accepted_by(sa, CITED[0])


@purpose("cert-raw-ours-alone", *CITED, role="responder", needs=NEEDS, ordinary=True, connection=one_raw(ours=True))
def test_ours_alone(peer: Peer) -> None:
    """The device knows our raw key, and proves itself by a certificate."""
    opened_by_us(peer)


@purpose("cert-raw-theirs-alone", *CITED, role="responder", needs=NEEDS, ordinary=True, connection=one_raw(ours=False))
def test_theirs_alone(peer: Peer) -> None:
    """We know the raw key of the device, and prove ourselves by a certificate."""
    opened_by_us(peer)


@purpose("cert-responder-raw-ours-alone", *CITED, role="initiator", needs=NEEDS, connection=one_raw(ours=True))
def test_responder_ours_alone(peer: Peer, dut: Dut) -> None:
    """The device that initiates knows our raw key, and proves itself by a certificate."""
    opened_by_device(peer, dut)


@purpose("cert-responder-raw-theirs-alone", *CITED, role="initiator", needs=NEEDS, connection=one_raw(ours=False))
def test_responder_theirs_alone(peer: Peer, dut: Dut) -> None:
    """We know the raw key of the device that initiates, and prove ourselves by a certificate."""
    opened_by_device(peer, dut)
