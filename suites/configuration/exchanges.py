"""CFG_REQUEST and CFG_SET after IKE_AUTH: how they are sent, and what of a CFG_SET was acknowledged."""

from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, NotifyType
from suites.configuration.steps import A4, A6, IGNORED, attributes, well_formed

ACCEPTED = "RFC7296-3.15.1-17"
NOT_ACCEPTED = "RFC7296-3.15.1-18"


def asks(sa: ScriptedSa, *wanted: CfgAttr) -> Message:
    """A CFG_REQUEST in an INFORMATIONAL exchange; the response is well-formed and no error.

    Who asks for an address may hear that there is none for it (RFC 7296, section 3.15.4).
    """
    answer = sa.informational(CP(CfgType.REQUEST, wanted))
    none_free = any(one.type in (A4, A6) for one in wanted) and answer.notify(NotifyType.INTERNAL_ADDRESS_FAILURE)
    sa.peer.check(none_free or fatal(answer) is None, "no error", answer, IGNORED)
    wrong = [one for one in answer.all(CP) if one.cfg_type != CfgType.REPLY]
    sa.peer.check(not wrong, "no payload but CFG_REPLY", answer, IGNORED)
    well_formed(sa.peer, answer)
    return answer


def acknowledged(peer: Peer, pushed: tuple[CfgAttr, ...], answer: Message) -> list[CfgAttribute]:
    """What of a CFG_SET the device has accepted: attributes of it, each empty, in a CFG_ACK, or nothing."""
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.15.1-19")
    for payload in answer.all(CP):
        peer.check(payload.cfg_type == CfgType.ACK, "CFG_ACK", answer, "RFC7296-3.15.1-19")
    found = attributes(answer, CfgType.ACK)
    filled = [one.type.name for one in found if one.value]
    peer.check(not filled, "attributes of length zero", ", ".join(filled), ACCEPTED)
    strange = [one.type.name for one in found if one.type not in {each.type for each in pushed}]
    peer.check(not strange, "no attributes but those of the CFG_SET", ", ".join(strange), NOT_ACCEPTED)
    return [one.type for one in found]
