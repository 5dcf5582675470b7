"""Notifications, unknown payloads and malformed requests in INFORMATIONAL exchanges (RFC 7296, 2.5, 2.21.3, 3.10.1)."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import Delete, ExchangeType, Notify, NotifyType, ProtocolID, UnknownPayload
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_child, kept
from suites.create_child_sa.test_crossing_ends import carries_nothing
from suites.dut import Dut
from suites.informational.deletion import child_must_live, children_must_be_gone, deleted_spis
from suites.purpose import purpose
from suites.several import deleted_by_device

UNASSIGNED_ERROR = NotifyType(8000)
UNASSIGNED_STATUS = NotifyType(40000)


@purpose("info-unknown-status", "RFC7296-3.10.1-3", "RFC7296-1.4-4", role="responder")
def test_unknown_status(peer: Peer) -> None:
    """A status notification of an unassigned type is ignored: the response reports no error."""
    sa = peer.establish()
    answer = sa.informational(Notify(UNASSIGNED_STATUS, b"ikespec"))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.10.1-3")
    sa.must_be_up("RFC7296-3.10.1-3")


@purpose("info-unknown-error", "RFC7296-3.10.1-2", "RFC7296-1.4-4", role="responder")
def test_unknown_error(peer: Peer) -> None:
    """A notification of an unassigned error type in a request is ignored: answered, and the IKE SA lives."""
    sa = peer.establish()
    answer = sa.informational(Notify(UNASSIGNED_ERROR, b"ikespec"))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.10.1-2")
    sa.must_be_up("RFC7296-3.10.1-2")


@purpose("info-unknown-notify-and-delete", "RFC7296-3.10.1-3", "RFC7296-1.4.1-4", role="responder")
def test_unknown_notify_and_delete(peer: Peer, dut: Dut) -> None:
    """An unknown status notification beside a Delete payload takes nothing of its effect."""
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(Notify(UNASSIGNED_STATUS), Delete(ProtocolID.ESP, (child.spi_in,)))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.10.1-3")
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-1.4.1-4")
    kept(peer, sa, "RFC7296-3.10.1-3")


@purpose("info-suspicious-report", "RFC7296-2.21.4-11", "RFC7296-1.4-4", role="responder")
def test_suspicious_report(peer: Peer, dut: Dut) -> None:
    """A protected report that an ESP SPI or an IKE SPI was unknown is answered and changes no SA.

    The reporter may have been misled by a forged packet with that SPI.
    """
    sa = peer.establish()
    for kind, data in ((NotifyType.INVALID_SPI, sa.child.spi_out), (NotifyType.INVALID_IKE_SPI, b"")):
        answer = sa.informational(bend=bend.append(Notify(kind, data)))
        peer.check(fatal(answer) is None, "no error", answer, "RFC7296-2.21.4-11")
    sa.must_be_up("RFC7296-2.21.4-11")
    child_must_live(peer, dut, sa, "RFC7296-2.21.4-11")


@purpose("info-unknown-payload", "RFC7296-2.5-13", "RFC7296-2.5-9", "RFC7296-4-2", role="responder")
def test_unknown_payload(peer: Peer, dut: Dut) -> None:
    """An unknown payload without the critical flag is skipped: what stands behind it still counts."""
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(UnknownPayload(200, b"ikespec"), Delete(ProtocolID.ESP, (child.spi_in,)))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-2.5-13")
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-2.5-9")
    kept(peer, sa, "RFC7296-2.5-13")


@purpose("info-critical-effects", "RFC7296-2.5-10", "RFC7296-2.5-11", "RFC7296-4-3", "RFC7296-2.21-4", role="responder")
def test_critical_effects(peer: Peer, dut: Dut) -> None:
    """A request with an unknown critical payload is rejected as a whole: the Delete before it has no effect."""
    sa = peer.establish()
    delete, unknown = Delete(ProtocolID.ESP, (sa.child.spi_in,)), UnknownPayload(200, b"ikespec", critical=True)
    answer = sa.informational(delete, unknown)
    peer.expect_notify(answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "RFC7296-2.5-11")
    peer.check(not deleted_spis(answer), "nothing deleted", answer, "RFC7296-2.5-10")
    kept(peer, sa)
    if deleted_by_device(sa):
        peer.note("the device has deleted the IKE SA, as it may: nothing more to see")
        return
    child_must_live(peer, dut, sa, "RFC7296-2.5-10")


@purpose("info-critical-known", "RFC7296-2.5-15", "RFC7296-1.4-4", role="responder")
def test_critical_known(peer: Peer) -> None:
    """The critical flag on a known payload with unknown content changes nothing: that content is ignored."""
    sa = peer.establish()
    answer = sa.informational(Notify(UNASSIGNED_STATUS, b"ikespec", critical=True))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-2.5-15")
    sa.must_be_up("RFC7296-2.5-15")


@purpose("info-no-critical-in-response", "RFC7296-2.5-14", "RFC7296-3.2-6", role="responder")
def test_no_critical_in_response(peer: Peer) -> None:
    """No payload of any response has the critical flag, error notifications and deletions included."""
    sa = peer.establish()
    sa.create_child()
    sa.delete_child()
    # On IKE SAs of their own: whether these survive what came before is another question.
    peer.establish().delete()
    peer.establish().informational(UnknownPayload(200, b"ikespec", critical=True))
    for received in peer.inbox:
        marked = [one for one in received.message.payloads if one.critical]
        peer.check(not marked, "no critical flag", received.message, "RFC7296-2.5-14")


@purpose("info-malformed", "RFC7296-2.21.3-1", "RFC7296-3.10.1-6", "RFC7296-2.21.3-3", role="responder")
def test_malformed(peer: Peer, dut: Dut) -> None:
    """A correctly protected request whose inner payload ends behind the message: INVALID_SYNTAX, and the IKE SA ends.

    The error is fatal for both peers without a Delete payload, and for the Child SA.
    """
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(Notify(UNASSIGNED_STATUS), bend=_TOO_LONG)
    peer.expect_notify(answer, NotifyType.INVALID_SYNTAX, "RFC7296-2.21.3-1")
    sa.must_be_gone("RFC7296-2.21.3-3")
    carries_nothing(peer, dut, child, "RFC7296-2.21.3-3")


@purpose(
    "info-invalid-syntax-response", "RFC7296-2.21.3-3", role="initiator",
    needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_invalid_syntax_response(peer: Peer, dut: Dut) -> None:
    """Our protected INVALID_SYNTAX response to a request of the device removes the IKE SA there, too.

    Otherwise the device would talk to an IKE SA that we have given up.
    """
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.answer(request, Notify(NotifyType.INVALID_SYNTAX))
    sa.must_be_gone("RFC7296-2.21.3-3")


@purpose(
    "info-unknown-status-in-response", "RFC7296-3.10.1-3", "RFC7296-2.21-2",
    role="initiator", needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_unknown_status_in_response(peer: Peer, dut: Dut) -> None:
    """A status notification of an unassigned type in a response is ignored, and so is an unknown payload."""
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.answer(request, Notify(UNASSIGNED_STATUS, b"ikespec"), UnknownPayload(200, b"ikespec"))
    kept(peer, sa, "RFC7296-3.10.1-3")


_TOO_LONG = bend.plaintext(lambda data: data[:2] + b"\x7f\xff" + data[4:], "inner payload length 32767")
