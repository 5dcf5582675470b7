"""RESERVED fields that are not zero are ignored on receipt (RFC 7296, section 2.5)."""

from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import (
    AUTH,
    KE,
    SA,
    Delete,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    Transform,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, connected, deletes_child, deletes_ike, granted, kept
from suites.create_child_sa.device_rekeys import child_rekey
from suites.dut import Dut
from suites.informational.deletion import children_must_be_gone
from suites.purpose import purpose
from suites.several import deleted_by_device

_RULES = ("RFC7296-2.5-8", "RFC7296-3.2-9", "RFC7296-3.3.1-3", "RFC7296-3.3.2-3")


def _transform(one: Transform) -> Transform:
    return replace(one, reserved1=0xFF, reserved2=0xFF)


def _filled(one: Payload) -> Payload:
    """The payload with ones in all its RESERVED fields. The critical bit is none of them."""
    if isinstance(one, SA):
        proposals = (
            replace(each, reserved=0xFF, transforms=tuple(map(_transform, each.transforms))) for each in one.proposals
        )
        one = replace(one, proposals=tuple(proposals))
    if isinstance(one, KE):
        one = replace(one, reserved2=0xFFFF)
    if isinstance(one, TSi | TSr):
        one = replace(one, reserved2=0xFFFFFF)
    return replace(one, reserved=0x7F)


def _fill() -> Bend:
    return bend.order(lambda found: list(map(_filled, found)), "ones in all RESERVED fields")


def _fill_auth(sa: ScriptedSa) -> Bend:
    """As `_fill`, in the ID and AUTH payloads, too. The RESERVED octets of ID are covered by AUTH (section 2.15)."""

    def filled(message: Message) -> Message:
        own = message.first(IDi) if sa.initiator else message.first(IDr)
        assert own is not None
        identity = replace(own, reserved2=0xFFFFFF)
        proof = replace(sa.prove(identity), reserved2=0xFFFFFF)
        known: dict[type[Payload], Payload] = {type(own): identity, AUTH: proof}
        return replace(message, payloads=tuple(_filled(known.get(type(one), one)) for one in message.payloads))

    return Bend("ones in all RESERVED fields, those under AUTH included", payloads=filled)


@purpose("format-reserved-ignored", *_RULES, "RFC7296-3.4-7", role="responder")
def test_ignored(peer: Peer) -> None:
    """Ones in all RESERVED fields of an IKE_SA_INIT request change nothing, and AUTH covers them as they were sent."""
    sa = peer.sa()
    peer.expect(sa.init(_fill()), SA, "RFC7296-2.5-8")
    sa.auth()
    sa.must_be_established("RFC7296-2.5-8")


@purpose(
    "format-reserved-ignored-auth", *_RULES, "RFC7296-3.5-3", "RFC7296-3.8-7", "RFC7296-3.13-3", "RFC7296-2.15-3",
    role="responder",
)  # fmt: skip
def test_ignored_auth(peer: Peer) -> None:
    """Ones in all RESERVED fields of an IKE_AUTH request change nothing; those of IDi are covered by AUTH."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    sa.auth(_fill_auth(sa))
    sa.must_be_established("RFC7296-2.5-8")


@purpose(
    "format-reserved-ignored-initiator", *_RULES, "RFC7296-3.4-7", "RFC7296-3.5-3", "RFC7296-3.8-7", "RFC7296-3.13-3",
    role="initiator",
)  # fmt: skip
def test_ignored_initiator(peer: Peer, dut: Dut) -> None:
    """Ones in all RESERVED fields of both responses do not keep an initiator from going on."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), _fill())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    sa.answer(request, bend=_fill_auth(sa))
    sa.must_be_up("RFC7296-2.5-8", "the device takes the responses and its IKE SA is up")


@purpose("format-reserved-ignored-child", *_RULES, "RFC7296-3.13-3", role="responder", needs=(Capability.REKEY_CHILD,))
def test_ignored_child(peer: Peer, dut: Dut) -> None:
    """Ones in all RESERVED fields of a request to rekey a Child SA change nothing."""
    sa = connected(peer, dut)
    granted(peer, dut, sa.rekey_child(bend=_fill()), Capability.REKEY_CHILD, "RFC7296-2.5-8")
    sa.finish()
    carries(peer, dut)


@purpose(
    "format-reserved-ignored-rekey", *_RULES, "RFC7296-3.13-3",
    role="initiator", needs=(Capability.REKEY_CHILD,),
)  # fmt: skip
def test_ignored_rekey(peer: Peer, dut: Dut) -> None:
    """Ones in all RESERVED fields of our response to the device's rekey change nothing: the new Child SA is used."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=_fill())
    new = sa.children[-1]
    sa.must_be_up("RFC7296-2.5-8")
    carries(peer, dut, new, "RFC7296-2.5-8")


@purpose("format-reserved-ignored-info", "RFC7296-2.5-8", "RFC7296-3.2-9", role="responder")
def test_ignored_info(peer: Peer, dut: Dut) -> None:
    """Ones in the RESERVED fields of an INFORMATIONAL request change nothing: what it deletes is gone."""
    sa = connected(peer, dut)
    child = sa.child
    strange = Notify(NotifyType(40001), b"status")
    answer = sa.informational(strange, Delete(ProtocolID.ESP, (child.spi_in,)), bend=_fill())
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-2.5-8")
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-2.5-8")


@purpose(
    "format-reserved-ignored-info-initiator", "RFC7296-2.5-8", "RFC7296-3.2-9", role="initiator",
    needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_ignored_info_response(peer: Peer, dut: Dut) -> None:
    """Ones in the RESERVED fields of our response to a deletion change nothing: the next request of the device follows.

    It comes only when that response has been taken, since our window is one request.
    """
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.answer(request, bend=_fill())
    kept(peer, sa, "RFC7296-2.5-8")
    if not deleted_by_device(sa):
        dut.delete_ike()
        sa.answer(sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike, requirement="RFC7296-2.5-8"))
