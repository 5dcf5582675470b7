"""Repeated requests, and the responses that the device keeps for them (RFC 7296, section 2.1)."""

from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import Delete, ExchangeType, ProtocolID, UnknownPayload
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_ike, kept, requests
from suites.purpose import purpose


@purpose("mid-request-again", "RFC7296-2.1-2", "RFC7296-2.1-4", "RFC7296-2.3-10", role="responder")
def test_request_again(peer: Peer) -> None:
    """A repeated request gets the same response again, octet by octet.

    A liveness check is sent twice. The response must not be made anew: a rekey would otherwise be done twice.
    """
    sa = peer.establish()
    first = sa.response(sa.begin(sa.start_liveness))
    again = sa.repeat()
    peer.check(first is not None and again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-2")
    sa.must_be_up("RFC7296-2.1-2")


@purpose("mid-auth-again", "RFC7296-2.1-2", "RFC7296-2.1-4", "RFC7296-2.3-10", role="responder")
def test_auth_again(peer: Peer) -> None:
    """A repeated IKE_AUTH request gets the same response again, and the IKE SA goes on with message ID 2."""
    sa = peer.sa(fragment_size=0)
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    sa.auth()
    sa.must_be_established()
    first = sa.received
    again = sa.repeat()
    peer.check(first is not None and again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-2")
    sa.must_be_up("RFC7296-2.1-2")


@purpose(
    "mid-create-child-again", "RFC7296-2.1-2", "RFC7296-2.3-10", "RFC7296-2.2-1",
    role="responder", needs=(Capability.MULTIPLE_CHILDREN,),
)  # fmt: skip
def test_create_child_again(peer: Peer) -> None:
    """A repeated CREATE_CHILD_SA request gets the same response with the same SPI: no second Child SA is made."""
    sa = peer.establish()
    sa.create_child()
    first = sa.received
    again = sa.repeat()
    peer.check(first is not None and again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-2")
    sa.must_be_up("RFC7296-2.1-2")


@purpose("mid-delete-again", "RFC7296-2.1-2", "RFC7296-2.3-10", role="responder")
def test_delete_again(peer: Peer) -> None:
    """A repeated deletion of a Child SA gets the first response again, although the Child SA is unknown by then.

    A device may delete the IKE SA when it has no Child SA any more.
    """
    sa = peer.establish()
    sa.delete_child()
    must_repeat_or_delete(peer, sa)


@purpose("mid-refused-again", "RFC7296-2.1-2", "RFC7296-2.1-4", "RFC7296-2.3-10", role="responder")
def test_refused_again(peer: Peer) -> None:
    """A repeated request that was refused gets the same refusal again: an unknown critical payload is in it.

    Who heard nothing of the refusal would give up the IKE SA. What it says is not looked at here, and a device may
    delete the IKE SA after it.
    """
    sa = peer.establish()
    sa.informational(UnknownPayload(200, b"ikespec", critical=True))
    must_repeat_or_delete(peer, sa)


def must_repeat_or_delete(peer: Peer, sa: ScriptedSa) -> None:
    """Our last request comes again: the same response, or the device has deleted the IKE SA meanwhile, and said so."""
    first = sa.received
    try:
        again = sa.repeat()
    except Unexpected:
        if any(map(deletes_ike, requests(peer, sa))):
            return
        raise
    peer.check(first is not None and again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-2")
    kept(peer, sa, "RFC7296-2.1-2")


@purpose("mid-request-often", "RFC7296-2.1-2", "RFC7296-2.1-4", role="responder")
def test_request_often(peer: Peer) -> None:
    """A response is kept until a request with a larger message ID comes: the tenth repetition gets it as well."""
    sa = peer.establish()
    first = sa.response(sa.begin(sa.start_liveness))
    for _ in range(10):
        copy = sa.repeat()
        peer.check(copy.raw == first.raw, "the same octets as before", copy, "RFC7296-2.1-2")
    sa.must_be_up("RFC7296-2.1-2")


@purpose("mid-retransmit-changed", "RFC7296-2.1-2", role="responder")
def test_retransmit_changed(peer: Peer) -> None:
    """Another request under a message ID that was answered already is not processed: the IKE SA is not deleted.

    The old response may come again, or nothing.
    """
    sa = peer.establish()
    first = sa.response(sa.begin(sa.start_liveness))
    sa.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE), message_id=first.message.message_id)
    sa.must_be_up("RFC7296-2.1-2", "the IKE SA survives a Delete with an old message ID")
    _only_copies(peer, sa, first.message.message_id, first.raw)


@purpose("mid-old", "RFC7296-2.1-6", "RFC7296-2.1-2", "RFC7296-2.3-13", role="responder")
def test_old(peer: Peer) -> None:
    """The first of six requests is repeated: no answer, or the response of that time, but never a new one."""
    sa = peer.establish()
    sent = sa.begin(sa.start_liveness)
    first = sa.response(sent)
    for _ in range(5):
        sa.liveness()
    sa.resend(sent)
    sa.must_be_up("RFC7296-2.1-6")
    _only_copies(peer, sa, first.message.message_id, first.raw)


@purpose("mid-old-delete", "RFC7296-2.1-6", "RFC7296-2.3-13", role="responder")
def test_old_delete(peer: Peer) -> None:
    """A correctly protected Delete for the IKE SA under a message ID long past has no effect and no response."""
    sa = peer.establish()
    first = sa.response(sa.begin(sa.start_liveness))
    for _ in range(3):
        sa.liveness()
    sa.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE), message_id=first.message.message_id)
    sa.must_be_up("RFC7296-2.1-6", "the IKE SA survives a Delete with an old message ID")
    _only_copies(peer, sa, first.message.message_id, first.raw)


@purpose("mid-no-gratuitous-response", "RFC7296-2.1-1", "RFC7296-1-4", role="responder", waits=3)
def test_no_gratuitous_response(peer: Peer) -> None:
    """A response is sent once, and again only when its request is repeated: three seconds bring no second one.

    That of IKE_SA_INIT is one, too, for which anybody can ask in the name of somebody else.
    """
    half_open = peer.sa(initial_contact=False)
    with peer.preamble("IKE_SA_INIT"):
        half_open.init()
    sa = peer.establish(initial_contact=False)
    sent = sa.begin(sa.start_liveness)
    first = sa.response(sent)
    peer.idle(3)
    asked, found = peer.times(sent), len(_responses(peer, sa, first.message.message_id))
    peer.check(found <= asked, f"no more responses than the {asked} asked for", found, "RFC7296-2.1-1")
    sent_first = [one.message for one in peer.trace.entries if one.sent and one.message is not None]
    asked = sum(one.spi_i == half_open.spi_i for one in sent_first)
    found = sum(one.message.spi_i == half_open.spi_i for one in peer.inbox)
    peer.check(found <= asked, f"no more IKE_SA_INIT responses than the {asked} asked for", found, "RFC7296-2.1-1")


def _responses(peer: Peer, sa: ScriptedSa, message_id: int) -> list[bytes]:
    """What came as response to one of our requests."""
    return [
        one.raw
        for one in peer.inbox
        if one.sa is sa and one.message.is_response and one.message.message_id == message_id
    ]


def _only_copies(peer: Peer, sa: ScriptedSa, message_id: int, raw: bytes) -> None:
    """Every response with this message ID must be the one that we know."""
    others = [one for one in _responses(peer, sa, message_id) if one != raw]
    peer.check(not others, "no other response than that of the time", f"{len(others)} others", "RFC7296-2.1-2")
