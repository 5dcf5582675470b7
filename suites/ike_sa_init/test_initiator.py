"""What an initiator sends, and which responses it must not accept (RFC 7296, sections 1.2, 2.7, 2.10, 3.3.6)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.crypto.ke import key_exchange
from conformance.crypto.keywords import keyword
from conformance.ike.core.proposals import half_keys
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    Encr,
    KeMethod,
    Nonce,
    ProtocolID,
    Transform,
    TransformType,
)
from suites.choices import two_prfs, with_key_length
from suites.connections import usual
from suites.dut import Dut
from suites.foreign import unoffered
from suites.ike_sa_init.steps import group_of, is_encr, no_auth, offers
from suites.purpose import purpose


@purpose(
    "init-request-format",
    "RFC7296-1.2-2", "RFC7296-2.6-3", "RFC7296-2.2-2", "RFC7296-3.1-8", "RFC7296-3.1-10", "RFC7296-3.1-12",
    "RFC7296-3.1-15", "RFC7296-3.1-17", "RFC7296-3.1-20", "RFC7296-3.1-22", "RFC7296-3.3-6", "RFC7296-3.3.1-8",
    "RFC7296-3.4-2",
    role="initiator",
)  # fmt: skip
def test_request_format(peer: Peer, dut: Dut) -> None:
    """The first request of an initiator: its header, its proposals, KE of an offered group, one nonce."""
    dut.initiate()
    received = peer.expect_init()
    first = received.message
    peer.check(any(first.spi_i), "an initiator SPI that is not zero", first.spi_i.hex(), "RFC7296-3.1-8")
    peer.check(first.message_id == 0, "message ID 0", first.message_id, "RFC7296-2.2-2")
    peer.check(first.version == 0x20, "version 2.0", f"{first.version:#04x}", "RFC7296-3.1-10")
    peer.check(first.flags == FLAG_INITIATOR, "the Initiator flag only", f"{first.flags:#04x}", "RFC7296-3.1-22")
    sa = peer.expect(first, SA, "RFC7296-1.2-2")
    peer.check(sa.proposals and sa.proposals[0].number == 1, "a first proposal of number 1", first, "RFC7296-3.3-6")
    clean = all(one.protocol == ProtocolID.IKE and not one.spi for one in sa.proposals)
    peer.check(clean, "proposals for IKE without SPI", first, "RFC7296-3.3.1-8")
    offered = {one.id for proposal in offers(first) for one in proposal if one.type == TransformType.KE}
    peer.check(group_of(received) in offered, "KE of an offered group", first, "RFC7296-3.4-2")
    peer.check(len(first.all(Nonce)) == 1, "one nonce", first, "RFC7296-1.2-2")


@purpose("init-request-spi-zero", "RFC7296-2.6-3", "RFC7296-3.1-8", role="initiator")
def test_request_spi_zero(peer: Peer, dut: Dut) -> None:
    """The responder SPI of the first request is zero: nobody has chosen one yet."""
    dut.initiate()
    first = peer.wait(
        lambda found: found.message.exchange.name == "IKE_SA_INIT" and not found.message.is_response,
        "an IKE_SA_INIT request from the device",
    )
    peer.check(not any(first.message.spi_r), "a responder SPI of zero", first.message.spi_r.hex(), "RFC7296-2.6-3")


@purpose(
    "init-nonce-size-initiator",
    "RFC7296-2.10-4", "RFC7296-2.10-2", "RFC7296-3.9-1",
    role="initiator",
    connection=usual(proposals=two_prfs),
)  # fmt: skip
def test_nonce_size_initiator(peer: Peer, dut: Dut) -> None:
    """The initiator's nonce has at least half the key size of every PRF that it offers, and 256 octets at most.

    How long the keys are of a PRF that we do not know, such as one for private use, is not judged.
    """
    dut.initiate()
    first = peer.expect_init().message
    nonce = peer.expect(first, Nonce, "RFC7296-1.2-2").data
    least = max(half_keys(each for one in first.all(SA) for each in one.proposals), default=0)
    peer.check(16 <= len(nonce) <= 256, "16 to 256 octets", len(nonce), "RFC7296-3.9-1")
    peer.check(len(nonce) >= least, f"at least {least} octets", len(nonce), "RFC7296-2.10-4")


def _answer_with(peer: Peer, dut: Dut, change: Callable[[SA], bend.Bend]) -> None:
    """Let the device initiate, give it a response bent to fit its offer, and see that it does not go on with it."""
    dut.initiate()
    first = peer.expect_init()
    peer.respond_init(first, change(peer.expect(first.message, SA)))
    no_auth(peer, dut, first, "RFC7296-3.3.6-6")


def _encr(*ciphers: Transform) -> bend.Bend:
    """SAr1 with other ciphers."""

    def changed(sa: SA) -> SA:
        chosen = sa.proposals[0]
        others = tuple(one for one in chosen.transforms if not is_encr(one))
        return replace(sa, proposals=(replace(chosen, transforms=(*ciphers, *others)),))

    return bend.replace(SA, changed, f"SAr1 with {' and '.join(map(keyword, ciphers))}")


def _other_length(sa: SA) -> Transform:
    """An offered cipher with a key length that is not offered."""
    offered = [one for each in sa.proposals for one in each.transforms if is_encr(one)]
    made = [
        Transform.of(Encr(one.id), key_length=bits) for one in offered if one.key_length for bits in (128, 192, 256)
    ]
    other = next((one for one in made if one not in offered), None)
    if other is None:
        raise NotApplicable("the device offers every key length")
    return other


@purpose("init-unacceptable-sar", "RFC7296-3.3.6-6", "RFC7296-3.3.6-5", role="initiator")
def test_unacceptable_sar(peer: Peer, dut: Dut) -> None:
    """A responder that chooses a cipher which was never offered gets no IKE_AUTH request."""
    _answer_with(peer, dut, lambda offer: _encr(unoffered(offer, TransformType.ENCR)))


@purpose(
    "init-sar-changed-key-length",
    "RFC7296-3.3.6-6", "RFC7296-3.3.6-5",
    role="initiator",
    connection=usual(proposals=with_key_length),
)  # fmt: skip
def test_sar_changed_key_length(peer: Peer, dut: Dut) -> None:
    """A responder that changes the key length of the offered cipher gets no IKE_AUTH request."""
    _answer_with(peer, dut, lambda offer: _encr(_other_length(offer)))


@purpose("init-sar-two-transforms", "RFC7296-3.3.6-6", "RFC7296-3.3.6-5", role="initiator")
def test_sar_two_transforms(peer: Peer, dut: Dut) -> None:
    """A responder that returns a cipher which was never offered beside the offered one gets no IKE_AUTH request.

    Such an SAr1 is consistent with none of the proposals: each type must occur once, and out of the offer.
    """

    def both(offer: SA) -> bend.Bend:
        other = unoffered(offer, TransformType.ENCR)
        return bend.replace(SA, lambda sa: _with(sa, other), f"SAr1 with {keyword(other)}, too")

    _answer_with(peer, dut, both)


def _with(sa: SA, other: Transform) -> SA:
    chosen = sa.proposals[0]
    return replace(sa, proposals=(replace(chosen, transforms=(*chosen.transforms, other)),))


@purpose("init-response-without-nonce", "RFC7296-1.2-3", "RFC7296-2.21-2", "RFC7296-2.21.3-2", role="initiator")
def test_response_without_nonce(peer: Peer, dut: Dut) -> None:
    """A response without nonce makes no IKE SA, and no error message is sent about it."""
    dut.initiate()
    first = peer.expect_init()
    peer.respond_init(first, bend.drop(Nonce))
    no_auth(peer, dut, first, "RFC7296-1.2-3")


@purpose("init-response-other-group", "RFC7296-3.3.6-6", "RFC7296-3.4-2", role="initiator")
def test_response_other_group(peer: Peer, dut: Dut) -> None:
    """KEr of another group than the one in SAr1 and KEi makes no IKE SA."""
    dut.initiate()
    first = peer.expect_init()
    theirs = group_of(first)
    peer.note(f"KEi is of {theirs.name}")
    method = KeMethod(unoffered(first.message.first(SA), TransformType.KE).id)
    data = key_exchange(method, peer.random).public
    peer.respond_init(first, bend.change(KE, f"KEr of {method.name}", method=method, data=data))
    no_auth(peer, dut, first, "RFC7296-3.3.6-6")
