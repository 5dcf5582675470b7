"""Configuration payloads in INFORMATIONAL exchanges (RFC 7296, sections 2.20 and 3.15)."""

from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message
from suites.purpose import purpose

UNASSIGNED = CfgAttribute(16000)
FORMER_EXPIRY = CfgAttribute(5)


@purpose("info-config-version", "RFC7296-2.20-3", "RFC7296-3.15.1-11", "RFC7296-2.20-2", role="responder")
def test_config_version(peer: Peer) -> None:
    """Asked for its version, a device says it in printable characters, or nothing.

    An empty string and a response without CP payload are refusals, both correct.
    """
    sa = peer.establish()
    answer = sa.informational(CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.APPLICATION_VERSION),)))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-2.20-3")
    for value in _values(peer, answer, CfgType.REPLY, CfgAttribute.APPLICATION_VERSION):
        printable = all(0x20 <= octet < 0x7F for octet in value)
        peer.check(printable, "printable ASCII without terminator", value.hex(), "RFC7296-3.15.1-11")
    sa.must_be_up("RFC7296-2.20-3")


@purpose("info-config-unknown", "RFC7296-3.15.1-15", "RFC7296-1.7-1", role="responder")
def test_config_unknown(peer: Peer) -> None:
    """Requests for attributes of an unassigned type and of type 5, which RFC 7296 has withdrawn, are ignored."""
    sa = peer.establish()
    answer = sa.informational(CP(CfgType.REQUEST, (CfgAttr(UNASSIGNED), CfgAttr(FORMER_EXPIRY))))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.15.1-15")
    for kind, requirement in ((UNASSIGNED, "RFC7296-3.15.1-15"), (FORMER_EXPIRY, "RFC7296-1.7-1")):
        values = _values(peer, answer, CfgType.REPLY, kind)
        peer.check(not any(values), f"no value of attribute {int(kind)}", b"".join(values).hex(), requirement)
    sa.must_be_up("RFC7296-3.15.1-15")


@purpose(
    "info-config-set", "RFC7296-3.15.1-18", "RFC7296-3.15.1-19", "RFC7296-3.15.1-15", role="responder"
)  # fmt: skip
def test_config_set(peer: Peer) -> None:
    """An attribute of an unassigned type cannot be accepted: no CP in the response, or a CFG_ACK without it."""
    sa = peer.establish()
    answer = sa.informational(CP(CfgType.SET, (CfgAttr(UNASSIGNED, b"ikespec"),)))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.15.1-15")
    accepted = _values(peer, answer, CfgType.ACK, UNASSIGNED)
    peer.check(not accepted, "the attribute not in CFG_ACK", answer, "RFC7296-3.15.1-18")
    sa.must_be_up("RFC7296-3.15.1-19")


def _values(peer: Peer, answer: Message, kind: CfgType, attribute: CfgAttribute) -> list[bytes]:
    """The values of an attribute in the CP payloads, which must all be of one kind."""
    for payload in answer.all(CP):
        peer.check(payload.cfg_type == kind, kind.name, answer)
    return [one.value for payload in answer.all(CP) for one in payload.attributes if one.type == attribute]
