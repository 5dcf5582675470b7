"""Steps that the purposes on the format of messages share."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass

from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import SA, ExchangeType, Message, Payload, WireError, decode_message

RESERVED = ("reserved", "reserved1", "reserved2")


def serves_others(peer: Peer, busy: float = 1.0) -> None:
    """A correct handshake succeeds, whatever came before: what was sent earlier has been dealt with.

    A device that was given much to do may need ``busy`` times as long for it as for an answer.
    """
    peer.response_timeout *= busy
    sa = peer.sa(initial_contact=False, retransmit_timeout=busy * peer.connection.retransmit_timeout)
    peer.expect(sa.init(), SA, "RFC7296-5-1")
    sa.auth()
    sa.must_be_established("RFC7296-5-1")
    peer.response_timeout /= busy


BUSY = 5.0
"""After many datagrams at once a device may need so many times as long for an answer."""


def begun(peer: Peer, *bends: Bend) -> list[ScriptedSa]:
    """An IKE_SA_INIT request with each of these, one after the other.

    Each is answered first or gets a moment: who takes only some in a while must not drop them all in step, repetitions
    and correct ones included.
    """
    tried: list[ScriptedSa] = []
    for one in bends:
        sa = peer.sa()
        sent = sa.begin(sa.start_init, one)
        tried.append(sa)
        with suppress(Unexpected):
            sa.response(sent, peer.response_timeout / 10)
    return tried


def rejects(peer: Peer, requirement: str, *bends: Bend, busy: float = 1.0) -> None:
    """None of these malformed IKE_SA_INIT requests gets a normal response; a correct handshake afterwards succeeds."""
    tried = begun(peer, *bends)
    serves_others(peer, busy)
    accepted = [one for one in peer.inbox if one.sa in tried and one.message.first(SA)]
    peer.check(not accepted, "no SA in any response", "; ".join(map(str, accepted)), requirement)


def attempt(sa: ScriptedSa, *payloads: Payload, bend: Bend | None = None) -> list[Received]:
    """Send a malformed INFORMATIONAL request: the protected responses to it, none if the device ignores it.

    To know that the device has seen it, a request from before is repeated, which gets its response again. The message
    ID is used up only if there is a response.
    """
    peer = sa.peer
    with peer.preamble("a liveness check"):
        sa.liveness()
    before = sa.last_sent
    assert before is not None
    number = sa.send(ExchangeType.INFORMATIONAL, *payloads, bend=bend).message.message_id

    def found() -> list[Received]:
        known = [one for one in peer.inbox if one.sa is sa and one.protected and one.message.is_response]
        return [one for one in known if one.message.message_id == number]

    peer.pause()
    if not found():
        with suppress(Unexpected):  # whether it lives on is for the purpose to find out
            sa.repeat(before)
    if found():
        sa.next_id = number + 1
    return found()


def must_be_refused(sa: ScriptedSa, found: list[Received], requirement: str) -> None:
    """Whatever came as a response must report an error; silence is none of our business here."""
    normal = [one for one in found if not fatal(one.message)]
    sa.peer.check(not normal, "an error or silence", "; ".join(map(str, normal)), requirement)


def a_life(peer: Peer) -> ScriptedSa:
    """All kinds of exchanges, one after the other, with the device as responder."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established()
    sa.liveness()
    sa.create_child()
    sa.delete()
    return sa


def messages_of_device(peer: Peer) -> Iterator[tuple[Message, Message]]:
    """Each message of the device as it came, and with its decrypted payloads where there are any."""
    for one in [*peer.fragments, *peer.inbox]:
        yield decode_message(one.raw, lenient=True), one.message


def reserved_fields(value: object, path: str) -> Iterator[str]:
    """The RESERVED fields that are not zero in a message, payload or substructure, by their places."""
    if isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from reserved_fields(one, f"{path}[{number}]")
    elif is_dataclass(value):
        kind = type(value).__name__
        for field in fields(value):
            content = getattr(value, field.name)
            if field.name in RESERVED and content:
                yield f"{path}.{kind}.{field.name}={content:#x}"
            else:
                yield from reserved_fields(content, f"{path}.{kind}")


def check_reserved(peer: Peer, requirement: str) -> None:
    """All RESERVED fields that the device has sent are zero."""
    found = []
    for outer, inner in messages_of_device(peer):
        name = ExchangeType(inner.exchange).name
        found += [*reserved_fields(outer.payloads, name), *reserved_fields(inner.payloads, name)]
    peer.check(not found, "all RESERVED fields zero", ", ".join(found), requirement)


@contextmanager
def well_formed(peer: Peer, requirement: str) -> Iterator[None]:
    """Every message that the device sends inside is well-formed; if one is not, that is the reason of what follows."""
    try:
        yield
    except Unexpected:
        _check_structure(peer, requirement)
        raise
    _check_structure(peer, requirement)


def _check_structure(peer: Peer, requirement: str) -> None:
    broken = [entry.problem for entry in peer.trace.entries if not entry.sent and "malformed" in entry.problem]
    for one in [*peer.fragments, *peer.inbox]:
        try:
            decode_message(one.raw)
        except WireError as error:
            broken.append(str(error))
    peer.check(not broken, "well-formed messages", "; ".join(broken), requirement)
