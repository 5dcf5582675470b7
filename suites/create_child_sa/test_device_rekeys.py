"""The device rekeys its Child SA or its IKE SA (RFC 7296, sections 1.3.2, 1.3.3, 2.8, 2.25)."""

from conformance.ike.core.selectors import covered, ranges
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    KE,
    SA,
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    ProtocolID,
    TransformType,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.create_child_sa.answers import (
    carries,
    deleted,
    deletes_child,
    deletes_ike,
    deletion,
    kept,
    must_count,
    own_requests,
)
from suites.create_child_sa.device_rekeys import AT_ONCE, TWO_GROUPS, child_rekey, ike_rekey, made, put_off, unused
from suites.dut import Dut
from suites.foreign import unoffered
from suites.purpose import purpose

CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
UNKNOWN_ERROR = NotifyType(8191)
"""An error type that IANA has not assigned: the end of the range that it keeps for itself."""


def groups(message: Message) -> list[int]:
    """The groups that a message offers."""
    sa = message.first(SA)
    found = sa.proposals if sa else ()
    return [each.id for one in found for each in one.transforms if each.type == TransformType.KE]


@purpose(
    "child-rekey-by-device",
    "RFC7296-1.3.3-1",
    "RFC7296-1.3.3-3",
    "RFC7296-1.3.3-4",
    "RFC7296-1.3.3-5",
    "RFC7296-1.3.3-6",
    "RFC7296-2.9.2-2",
    "RFC7296-3.3.1-9",
    role="initiator",
    needs=(CHILD,),
)
def test_child_rekey_by_device(peer: Peer, dut: Dut) -> None:
    """The device's request: N(REKEY_SA) with the SPI on which it receives, SA with a new SPI, Ni, TSi, TSr."""
    sa, request = child_rekey(peer, dut)
    old, message = sa.child, request.message
    rekey = peer.expect_notify(message, NotifyType.REKEY_SA, "RFC7296-1.3.3-3")
    peer.check(rekey.spi == old.spi_out, "the SPI on which it receives", rekey.spi.hex(), "RFC7296-1.3.3-4")
    peer.check(rekey.protocol == ProtocolID.ESP, "protocol ESP", rekey.protocol, "RFC7296-1.3.3-6")
    peer.check(not rekey.data, "no notification data", rekey.data.hex(), "RFC7296-1.3.3-5")
    spis = {one.spi for one in peer.expect(message, SA, "RFC7296-1.3.3-1").proposals}
    peer.check(all(len(spi) == 4 for spi in spis), "SPIs of 4 octets", message, "RFC7296-3.3.1-9")
    peer.check(old.spi_out not in spis, "a new SPI", message, "RFC7296-1.3.3-1")
    peer.expect(message, Nonce, "RFC7296-1.3.3-1")
    ours, theirs = peer.expect(message, TSr, "RFC7296-1.3.3-1"), peer.expect(message, TSi, "RFC7296-1.3.3-1")
    peer.check(covered(old.local_ts, ranges(ours.selectors)), "TSr not narrower", message, "RFC7296-2.9.2-2")
    peer.check(covered(old.remote_ts, ranges(theirs.selectors)), "TSi not narrower", message, "RFC7296-2.9.2-2")


@purpose(
    "child-rekey-device-deletes",
    "RFC7296-2.8-5",
    "RFC7296-1.4.1-3",
    "RFC7296-1.4.1-5",
    "RFC7296-3.11-5",
    role="initiator",
    needs=(CHILD,),
)
def test_child_rekey_device_deletes(peer: Peer, dut: Dut) -> None:
    """After its rekey the device deletes the old Child SA: by the SPI on which it receives, and by that only."""
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.answer(request)
    message = deletion(sa, deletes_child, "RFC7296-2.8-5")
    spis = deleted(message)
    peer.check(old.spi_in not in spis, "not both directions", message, "RFC7296-1.4.1-5")
    peer.check(spis == [old.spi_out], "the old SPI on which it receives", message, "RFC7296-3.11-5")
    sa.must_be_up()
    left = f"{len(sa.children)} Child SAs"
    peer.check(len(sa.children) == 1, "the new Child SA is left", left, "RFC7296-2.8-5")
    carries(peer, dut, sa.child, "RFC7296-2.8-5")


@purpose("child-temporary-failure", "RFC7296-2.25-2", "RFC7296-2.25-3", role="initiator", needs=(CHILD,))
def test_temporary_failure(peer: Peer, dut: Dut) -> None:
    """The device's rekey gets TEMPORARY_FAILURE: it does not ask again at once, and does not forget the IKE SA."""
    put_off(peer, *child_rekey(peer, dut, rest=AT_ONCE))


@purpose("ike-rekey-temporary-failure", "RFC7296-2.25-2", "RFC7296-2.25-3", role="initiator", needs=(IKE,))
def test_ike_temporary_failure(peer: Peer, dut: Dut) -> None:
    """The device's rekey of the IKE SA gets TEMPORARY_FAILURE: it does not ask again at once, nor forget the IKE SA."""
    put_off(peer, *ike_rekey(peer, dut, rest=AT_ONCE))


@purpose("child-not-found", "RFC7296-2.25-8", role="initiator", needs=(CHILD,))
def test_child_not_found(peer: Peer, dut: Dut) -> None:
    """The device's rekey gets CHILD_SA_NOT_FOUND: it drops the old Child SA silently and asks for a new one.

    We have forgotten the Child SA, so a Delete for it would be useless, and N(REKEY_SA) would name nothing.
    """
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.drop_child(old)
    notify = Notify(NotifyType.CHILD_SA_NOT_FOUND, b"", ProtocolID.ESP, old.spi_out)
    mark = len(peer.inbox)
    sa.answer(request, notify)
    again = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=2 * peer.response_timeout).message
    gone = [spi for one in own_requests(peer, sa, mark) for spi in deleted(one)]
    peer.check(not gone, "no Delete for what we do not have", ", ".join(spi.hex() for spi in gone))
    peer.check(not again.notify(NotifyType.REKEY_SA), "a request without N(REKEY_SA)", again)
    peer.expect(again, SA)


@purpose("child-no-additional", "RFC7296-2.21-4", "RFC7296-4-10", "RFC7296-1.3.1-14", role="initiator", needs=(CHILD,))
def test_no_additional(peer: Peer, dut: Dut) -> None:
    """The device's rekey gets NO_ADDITIONAL_SAS from a peer that allows only one Child SA.

    It may delete the IKE SA with a Delete payload and open a new one. It must not just forget it.
    """
    sa, request = child_rekey(peer, dut)
    sa.answer(request, Notify(NotifyType.NO_ADDITIONAL_SAS))
    kept(peer, sa)


@purpose(
    "child-invalid-ke-retry",
    "RFC7296-3.4-2",
    "RFC7296-1.3-4",
    "RFC7296-1.3-7",
    role="initiator",
    needs=(CHILD, Capability.PFS),
    connection=TWO_GROUPS,
)
def test_invalid_ke_retry(peer: Peer, dut: Dut) -> None:
    """The device's rekey with PFS gets INVALID_KE_PAYLOAD naming its other group: it asks again with KEi of that.

    The repetition offers the group of its KEi, and it rekeys the same Child SA. The device may give up as well.
    """
    sa, request = child_rekey(peer, dut)
    first = peer.expect(request.message, KE, "RFC7296-1.3-4")
    peer.check(first.method in groups(request.message), "KEi of an offered group", request, "RFC7296-1.3-4")
    other = next((one for one in groups(request.message) if one != first.method), None)
    if other is None:
        raise Inconclusive("the device offers one group only, though it was configured with two")
    sa.answer(request, Notify(NotifyType.INVALID_KE_PAYLOAD, int(other).to_bytes(2, "big")))
    try:
        again = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    except Unexpected:
        peer.note("the device does not ask again, as it may")
        return
    ke = peer.expect(again.message, KE, "RFC7296-1.3-4")
    peer.check(ke.method == other, "KEi of the named group", again, "RFC7296-1.3-7")
    peer.check(ke.method in groups(again.message), "the group in the offer", again, "RFC7296-3.4-2")
    peer.expect_notify(again.message, NotifyType.REKEY_SA, "RFC7296-1.3.3-3")
    sa.answer(again)
    sa.must_be_up()


@purpose(
    "child-invalid-ke-unoffered",
    "RFC7296-3.4-2",
    "RFC7296-1.3-4",
    role="initiator",
    needs=(CHILD, Capability.PFS),
    connection=TWO_GROUPS,
)
def test_invalid_ke_unoffered(peer: Peer, dut: Dut) -> None:
    """INVALID_KE_PAYLOAD names a group that the device did not offer: it sends no KEi that its offer does not name."""
    sa, request = child_rekey(peer, dut)
    strange = unoffered(request.message.first(SA), TransformType.KE)
    mark = len(peer.inbox)
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    sa.answer(request, Notify(NotifyType.INVALID_KE_PAYLOAD, int(strange.id).to_bytes(2, "big")))
    kept(peer, sa)
    for again in own_requests(peer, sa, mark):
        ke = again.first(KE)
        peer.check(ke is None or ke.method in groups(again), "no KEi of a group that is not offered", again)


@purpose("child-unknown-error", "RFC7296-3.10.1-1", role="initiator", needs=(CHILD,))
def test_unknown_error(peer: Peer, dut: Dut) -> None:
    """An unknown error notify in a response means failure, though SA, Nr, TSi and TSr stand beside it.

    The device does not use what it was refused: when we delete that Child SA, it has no other half of it to name.
    """
    sa, request = child_rekey(peer, dut)
    new = made(sa, request, bend.append(Notify(UNKNOWN_ERROR)))
    unused(peer, sa, new, "RFC7296-3.10.1-1")


@purpose(
    "ike-rekey-by-device",
    "RFC7296-1.3.2-1",
    "RFC7296-1.3.2-2",
    "RFC7296-1.3.2-3",
    "RFC7296-2.18-2",
    "RFC7296-2.18-6",
    "RFC7296-3.3.1-9",
    "RFC7296-3.4-2",
    role="initiator",
    needs=(IKE,),
)
def test_ike_rekey_by_device(peer: Peer, dut: Dut) -> None:
    """The device's request: SA of protocol IKE with a new SPI, Ni, KEi of an offered group, no selectors."""
    sa, request = ike_rekey(peer, dut)
    message = request.message
    offer = peer.expect(message, SA, "RFC7296-1.3.2-1").proposals
    peer.check(all(one.protocol == ProtocolID.IKE for one in offer), "protocol IKE", message, "RFC7296-1.3.2-1")
    peer.check(all(len(one.spi) == 8 and any(one.spi) for one in offer), "SPIs of 8 octets", message, "RFC7296-3.3.1-9")
    old = {sa.spi_i, sa.spi_r}
    peer.check(not old & {one.spi for one in offer}, "a new SPI", message, "RFC7296-1.3.2-3")
    peer.expect(message, Nonce, "RFC7296-1.3.2-1")
    ke = peer.expect(message, KE, "RFC7296-1.3.2-2")
    peer.check(ke.method in groups(message), "KEi of an offered group", message, "RFC7296-3.4-2")
    peer.check(KeMethod.NONE not in groups(message), "not group NONE", message, "RFC7296-2.18-6")
    peer.check(not message.first(TSi) and not message.first(TSr), "no TSi, no TSr", message, "RFC7296-2.18-2")


@purpose(
    "ike-rekey-device-deletes",
    "RFC7296-2.8-8",
    "RFC7296-2.8-9",
    "RFC7296-1.3.2-8",
    "RFC7296-3.11-4",
    role="initiator",
    needs=(IKE,),
)
def test_ike_rekey_device_deletes(peer: Peer, dut: Dut) -> None:
    """After its rekey the device deletes the old IKE SA: with the next message ID there, and as its last request."""
    sa, request = ike_rekey(peer, dut)
    sa.answer(request)
    new = sa.rekeyed
    message = deletion(sa, deletes_ike, "RFC7296-2.8-8")
    mark = len(peer.inbox)
    peer.check(not any(one.spis for one in message.all(Delete)), "no SPIs", message, "RFC7296-3.11-4")
    must_count(peer, sa, "RFC7296-1.3.2-8")
    new.must_be_up("RFC7296-2.8-7", "the new IKE SA outlives the old one")
    carries(peer, dut, requirement="RFC7296-2.8-7")
    last = [one for one in own_requests(peer, sa, mark) if one.message_id > message.message_id]
    peer.check(not last, "nothing more on the old IKE SA", last[0] if last else "", "RFC7296-2.8-9")


@purpose(
    "ike-rekey-device-new-initiator",
    "RFC7296-1.3.2-10",
    "RFC7296-1.3.2-7",
    "RFC7296-2.2-4",
    "RFC7296-3.1-24",
    role="initiator",
    needs=(IKE, CHILD),
)
def test_device_new_initiator(peer: Peer, dut: Dut) -> None:
    """The device, responder so far, rekeys the IKE SA: on the new one it is the initiator, and starts at message 0.

    A rekey of the inherited Child SA is its first request there. Ours has message 0 as well.
    """
    sa, request = ike_rekey(peer, dut)
    sa.answer(request)
    new = sa.rekeyed
    deletion(sa, deletes_ike, "RFC7296-2.8-8")
    new.must_be_up("RFC7296-1.3.2-7", "our message 0 on the new IKE SA is answered")
    dut.rekey_child()
    first = peer.wait(
        lambda one: (
            not one.message.is_response
            and one.message.spi_i == new.spi_i
            and one.message.exchange == ExchangeType.CREATE_CHILD_SA
        ),
        "a CREATE_CHILD_SA request on the new IKE SA",
    ).message
    peer.check(first.from_initiator, "the Initiator flag", f"flags {first.flags:#x}", "RFC7296-3.1-24")
    must_count(peer, new, "RFC7296-1.3.2-7")
    peer.check(new.children, "the Child SA is inherited", "none", "RFC7296-2.8-7")
    rekey = peer.expect_notify(first, NotifyType.REKEY_SA, "RFC7296-2.8-7")
    spis = [one.spi_out for one in new.children]
    peer.check(rekey.spi in spis, "the inherited Child SA", rekey.spi.hex(), "RFC7296-2.8-7")
