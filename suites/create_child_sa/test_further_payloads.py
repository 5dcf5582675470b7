"""Payloads that may stand in IKE_AUTH and CREATE_CHILD_SA beside the usual ones (RFC 7296, appendix C).

A device that does not know what one of them is about ignores it; none is a reason to refuse an SA.
"""

from functools import reduce
from operator import or_

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    TSi,
    UnknownPayload,
)
from peers.capabilities import Capability
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, deleted, deletes_child, deletion, granted
from suites.create_child_sa.device_rekeys import child_rekey
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.ike_auth.test_config_mode import POOL
from suites.purpose import purpose

REKEY, ADDRESS = Capability.REKEY_CHILD, CfgAttribute.INTERNAL_IP4_ADDRESS
DEFLATE = b"\x12\x34\x02"
"""Notification data of IPCOMP_SUPPORTED: a CPI and the transform DEFLATE (RFC 7296, section 2.22)."""
WINDOW = (1).to_bytes(4, "big")
"""Notification data of SET_WINDOW_SIZE: what is in force anyway (RFC 7296, section 2.3)."""


NOT_ASKED = (Notify(NotifyType.ADDITIONAL_TS_POSSIBLE), Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED))
"""What a responder may add to its consent (RFC 7296, sections 1.3.1 and 2.9)."""


def asking(*payloads: CP | Notify) -> Bend:
    """With these payloads in front."""
    return reduce(or_, map(bend.insert, payloads))


def ending(*payloads: Notify) -> Bend:
    """With these payloads at the end."""
    return reduce(or_, map(bend.append, payloads))


def wish(value: bytes = b"") -> CP:
    """A request for an inner IPv4 address, any or this one."""
    return CP(CfgType.REQUEST, (CfgAttr(ADDRESS, value),))


def told(answer: Message) -> list[bytes]:
    """The inner IPv4 addresses that a response assigns."""
    replies = [one for one in answer.all(CP) if one.cfg_type == CfgType.REPLY]
    return [each.value for one in replies for each in one.attributes if each.type == ADDRESS]


@purpose(
    "child-rekey-cp", "RFC7296-1.3.3-7", "RFC7296-3.15.1-6", "RFC7296-2.9.2-1",
    role="responder", needs=(REKEY, Capability.VIRTUAL_IP), connection=usual(local_ts=("0.0.0.0/0",), remote_pool=POOL),
)  # fmt: skip
def test_rekey_with_address(peer: Peer, dut: Dut) -> None:
    """A client that has an inner address repeats its CP(CFG_REQUEST) in a rekey: it keeps the address.

    Once with an empty INTERNAL_IP4_ADDRESS, once with the assigned address. A CFG_REPLY is optional; the address
    belongs to the IKE SA and does not change by a rekey of a Child SA.
    """
    sa = connected(peer, dut)
    assert sa.virtual_address is not None
    for value in (b"", sa.virtual_address):
        answer = sa.rekey_child(bend=asking(wish(value)))
        granted(peer, dut, answer, REKEY, "RFC7296-1.3.3-7")
        kept = all(one == sa.virtual_address for one in told(answer))
        peer.check(kept, "the address that was assigned in IKE_AUTH", answer, "RFC7296-3.15.1-6")
        sa.finish()
        inside = sa.child.local_ts
        peer.check(inside == sa.own_selectors(sa.connection.children[0]), "TSi not narrower", answer, "RFC7296-2.9.2-1")
        peer.expect(answer, TSi)
        carries(peer, dut)


@purpose("child-rekey-cp-unsupported", "RFC7296-1.3.3-7", "RFC7296-3.15.4-4", role="responder", needs=(REKEY,))
def test_rekey_without_pool(peer: Peer, dut: Dut) -> None:
    """A CP(CFG_REQUEST) in a rekey that a device without addresses to assign can ignore: the Child SA is rekeyed."""
    sa = connected(peer, dut)
    granted(peer, dut, sa.rekey_child(bend=asking(wish())), REKEY, "RFC7296-1.3.3-7")
    sa.finish()
    carries(peer, dut)


@purpose(
    "child-rekey-notifies", "RFC7296-1.3.1-13", "RFC7296-1.3.3-7", "RFC7296-1.3.3-2", "RFC7296-2.22-5",
    "RFC7296-2.22-6", "RFC7296-3.10.1-3", role="responder", needs=(REKEY,),
)  # fmt: skip
def test_rekey_with_notifies(peer: Peer, dut: Dut) -> None:
    """A rekey offers compression and non-first fragments and wants no TFC padding: each may be declined, none refused.

    One rekey for each, since a device may take the one and not the other. Compression is accepted with the algorithm
    that was offered, once.
    """
    sa = connected(peer, dut)
    kinds = (
        Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO),
        Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
        Notify(NotifyType.IPCOMP_SUPPORTED, DEFLATE),
    )
    for notify in kinds:
        answer = sa.rekey_child(bend=asking(notify))
        granted(peer, dut, answer, REKEY, "RFC7296-1.3.1-13")
        accepted = [one.data for one in answer.notifies() if one.type == NotifyType.IPCOMP_SUPPORTED]
        peer.check(len(accepted) <= 1, "at most one N(IPCOMP_SUPPORTED)", answer, "RFC7296-2.22-5")
        offered = notify.type == NotifyType.IPCOMP_SUPPORTED
        right = all(offered and len(data) == 3 and data[2:] == DEFLATE[2:] for data in accepted)
        peer.check(right, "compression as it was offered, or none", answer, "RFC7296-2.22-6")
        sa.finish()
        if not accepted:
            carries(peer, dut)


@purpose(
    "auth-further-notifies", "RFC7296-1.3.1-13", "RFC7296-1.2-16", "RFC7296-3.10.1-3", role="responder", ordinary=True
)
def test_auth_with_notifies(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH with all that appendix C has beside the usual payloads: the IKE SA and its Child SA are set up.

    HTTP_CERT_LOOKUP_SUPPORTED, SET_WINDOW_SIZE, ESP_TFC_PADDING_NOT_SUPPORTED and NON_FIRST_FRAGMENTS_ALSO.
    """
    sa = peer.sa()
    sa.init(asking(Notify(NotifyType.HTTP_CERT_LOOKUP_SUPPORTED)))
    sa.auth(
        asking(
            Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO),
            Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
            Notify(NotifyType.HTTP_CERT_LOOKUP_SUPPORTED),
            Notify(NotifyType.SET_WINDOW_SIZE, WINDOW),
        )
    )
    must_succeed(peer, sa, "RFC7296-1.3.1-13")
    carries(peer, dut)


@purpose("auth-responder-further-notifies", "RFC7296-3.10.1-3", "RFC7296-1.2-16", role="initiator", ordinary=True)
def test_auth_answered_with_notifies(peer: Peer, dut: Dut) -> None:
    """Our responses have what appendix C allows beside the usual payloads: the device goes on.

    HTTP_CERT_LOOKUP_SUPPORTED in IKE_SA_INIT; ADDITIONAL_TS_POSSIBLE, ESP_TFC_PADDING_NOT_SUPPORTED and SET_WINDOW_SIZE
    in IKE_AUTH.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), asking(Notify(NotifyType.HTTP_CERT_LOOKUP_SUPPORTED)))
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    window = Notify(NotifyType.SET_WINDOW_SIZE, WINDOW)
    sa.answer(request, bend=ending(*NOT_ASKED, window))
    must_be_accepted_by(sa, "RFC7296-3.10.1-3")
    carries(peer, dut)


@purpose("child-response-notifies", "RFC7296-3.10.1-3", "RFC7296-1.3.3-2", role="initiator", needs=(REKEY,))
def test_rekey_answered_with_notifies(peer: Peer, dut: Dut) -> None:
    """Our response to the rekey has ADDITIONAL_TS_POSSIBLE and ESP_TFC_PADDING_NOT_SUPPORTED: the new SA is used."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=ending(*NOT_ASKED))
    new = sa.children[-1]
    sa.must_be_up("RFC7296-3.10.1-3")
    carries(peer, dut, new, "RFC7296-3.10.1-3")


UNKNOWN = UnknownPayload(200, b"ikespec")
"""A payload of a type that IANA has not assigned, not critical."""
SKIPPED = "RFC7296-2.5-9"


@purpose("child-unknown-payload", SKIPPED, "RFC7296-2.5-8", role="responder", needs=(REKEY,))
def test_unknown_payload(peer: Peer, dut: Dut) -> None:
    """Unknown payloads in front of the others and behind them are skipped: the Child SA is rekeyed all the same."""
    sa = connected(peer, dut)
    answer = sa.rekey_child(bend=bend.insert(UNKNOWN) | bend.append(UNKNOWN))
    granted(peer, dut, answer, REKEY, SKIPPED)
    carries(peer, dut, sa.children[-1], SKIPPED)


@purpose("child-response-unknown-payload", SKIPPED, "RFC7296-2.5-8", role="initiator", needs=(REKEY,))
def test_response_unknown_payload(peer: Peer, dut: Dut) -> None:
    """Our response to the rekey has unknown payloads in front of the others and behind them: the new SA is used."""
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.answer(request, bend=bend.insert(UNKNOWN) | bend.append(UNKNOWN))
    gone = deletion(sa, deletes_child, SKIPPED)
    peer.check(deleted(gone) == [old.spi_out], "a Delete of the old Child SA", gone, SKIPPED)
    carries(peer, dut, sa.children[-1], SKIPPED)
