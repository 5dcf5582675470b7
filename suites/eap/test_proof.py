"""AUTH payloads in and after EAP that must let nobody in; the device as responder (RFC 7296, section 2.16)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.ike.core.connection import Eap, Psk
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import AUTH, EAP, SA, EapCode, Message, NotifyType, TSi, TSr
from peers.capabilities import Capability
from suites.connections import eap, usual
from suites.eap import roles
from suites.eap.steps import (
    KEYED,
    asked,
    auth_with,
    must_get_nothing,
    must_not_come_back,
    own_key,
    proof,
    succeeded,
    until_method,
)
from suites.ike_auth.refusal import answer_of, must_be_gone, must_be_refused
from suites.purpose import purpose

NEEDS = (Capability.EAP,)
UNKEYED = ("md5", "gtc")
BY_SECRET = eap(*(one.name for one in (*roles.KEYLESS, *roles.KEYED) if one != roles.TLS))
PARTS: dict[str, Callable[[bytes], bytes]] = {
    "the halves of the MSK exchanged": lambda msk: msk[32:] + msk[:32],
    "a wrong bit in the MSK": lambda msk: bytes((msk[0] ^ 1,)) + msk[1:],
}


@purpose("eap-auth-at-once", "RFC7296-2.16-2", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap())
def test_auth_at_once(peer: Peer) -> None:
    """An AUTH payload made with SK_pi in place of the first EAP response lets nobody in."""
    sa = peer.sa()
    must_get_nothing(peer, sa, asked(peer, sa), proof(sa, own_key(sa), "AUTH with SK_pi in place of EAP"))


@purpose("eap-auth-amid", "RFC7296-2.16-2", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap())
def test_auth_amid(peer: Peer) -> None:
    """An AUTH payload in place of the method's response lets nobody in, whatever key it is made with."""
    for key, words in ((None, "SK_pi"), (bytes(64), "64 zeros"), (b"", "an empty key")):
        sa = peer.sa()
        answer = until_method(peer, sa)
        made = own_key(sa) if key is None else key
        must_get_nothing(peer, sa, answer, proof(sa, made, f"AUTH with {words} in place of the method"))


@purpose("eap-auth-beside", "RFC7296-2.16-2", "RFC7296-2.16-4", role="responder", needs=NEEDS, connection=eap())
def test_auth_beside(peer: Peer) -> None:
    """An AUTH payload beside the response of the method ends nothing early: its response holds no Child SA."""
    sa = peer.sa()
    answer = sa.proceed(until_method(peer, sa), bend.append(auth_with(sa, own_key(sa))))
    early = [kind.__name__ for kind in (SA, TSi, TSr) if answer.first(kind) is not None]
    peer.check(not early, "no Child SA before EAP has ended", ", ".join(early), "RFC7296-2.16-2", bypass=True)


@purpose(
    "eap-auth-without-msk", "RFC7296-2.16-6", "RFC7296-2.15-15", "RFC7296-1.2-11", "RFC7296-1.2-18", role="responder",
    needs=NEEDS, connection=eap(*KEYED),
)  # fmt: skip
def test_auth_without_msk(peer: Peer) -> None:
    """After a method that has made a key an AUTH payload made with SK_pi lets nobody in: it proves nothing."""
    sa = peer.sa()
    answer = succeeded(peer, sa)
    made = proof(sa, own_key(sa), "AUTH with SK_pi in place of the MSK")
    must_get_nothing(peer, sa, answer, made, requirement="RFC7296-2.15-15")


@purpose(
    "eap-auth-other-msk", "RFC7296-2.16-6", "RFC7296-1.2-11", role="responder", needs=NEEDS, connection=eap(*KEYED),
)  # fmt: skip
def test_auth_other_msk(peer: Peer) -> None:
    """A key whose halves are in the wrong order is not the key, nor is one with a wrong bit."""
    for words, part in PARTS.items():
        sa = peer.sa()
        answer = succeeded(peer, sa)
        assert sa.as_peer is not None and sa.as_peer.method is not None and sa.as_peer.method.msk is not None
        must_get_nothing(peer, sa, answer, proof(sa, part(sa.as_peer.method.msk), f"AUTH with {words}"))


@purpose(
    "eap-auth-wrong", "RFC7296-1.2-11", "RFC7296-2.15-16", "RFC7296-2.16-9", "RFC7296-1.2-18", role="responder",
    needs=NEEDS, connection=eap(*UNKEYED),
)  # fmt: skip
def test_auth_wrong(peer: Peer) -> None:
    """After a method without a key AUTH must be right nevertheless: made with another key it lets nobody in."""
    sa = peer.sa()
    answer = succeeded(peer, sa)
    made = proof(sa, b"another key", "AUTH with another key")
    must_get_nothing(peer, sa, answer, made, requirement="RFC7296-2.15-16")


@purpose("eap-auth-none", "RFC7296-2.16-14", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap())
def test_auth_none(peer: Peer) -> None:
    """After Success a request without AUTH lets nobody in."""
    sa = peer.sa()
    must_get_nothing(peer, sa, succeeded(peer, sa), bend.drop(AUTH), requirement="RFC7296-2.16-14")


@purpose("eap-auth-none-but-eap", "RFC7296-2.16-14", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap())
def test_auth_none_but_eap(peer: Peer) -> None:
    """After Success another EAP response in place of AUTH lets nobody in."""
    sa = peer.sa()
    answer = succeeded(peer, sa)
    last = peer.expect(answer, EAP)
    again = EAP(replace(last.packet, code=EapCode.RESPONSE, type=None, data=b""))
    text = "an EAP response in place of AUTH"
    must_get_nothing(peer, sa, answer, bend.replace(AUTH, lambda _: again, text), requirement="RFC7296-2.16-14")


@purpose(
    "eap-wrong-secret", "RFC7296-2.16-12", "RFC3748-2-2", "RFC7296-1.2-18", "RFC7296-2.21-6",
    role="responder", needs=NEEDS, connection=BY_SECRET,
)  # fmt: skip
def test_wrong_secret(peer: Peer) -> None:
    """A wrong password or key ends in an EAP-Failure, and in no IKE SA."""
    _, answer = failed(peer)
    also = answer.notify(NotifyType.AUTHENTICATION_FAILED)
    peer.check(also is None, "no N(AUTHENTICATION_FAILED) beside it", answer, "RFC7296-2.21-6")


def failed(peer: Peer) -> tuple[ScriptedSa, Message]:
    """An attempt with a wrong password or key, up to the EAP-Failure that it must end in."""
    auth = peer.connection.local.auth
    assert isinstance(auth, Eap)
    sa = peer.sa(local=replace(peer.connection.local, auth=replace(auth, secret=bytes(b ^ 1 for b in auth.secret))))
    answer = until_method(peer, sa)
    for _ in range(10):
        packet = peer.expect(answer, EAP, "RFC7296-2.16-12").packet
        if packet.code != EapCode.REQUEST:
            break
        answer = sa.proceed(answer)
    peer.check(packet.code == EapCode.FAILURE, "EAP-Failure", packet, "RFC3748-2-2", bypass=True)
    return sa, answer


@purpose(
    "eap-auth-after-failure", "RFC7296-2.16-2", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=BY_SECRET,
)  # fmt: skip
def test_auth_after_failure(peer: Peer) -> None:
    """Whoever has got an EAP-Failure does not get in by an AUTH payload after it, whatever key it is made with."""
    for key, words in ((None, "SK_pi"), (bytes(64), "64 zeros"), (b"", "an empty key")):
        with peer.preamble("EAP with a wrong password"):
            sa, _ = failed(peer)
        must_not_come_back(peer, sa, own_key(sa) if key is None else key, words)


@purpose(
    "eap-refused-by-certificate", "RFC7296-1.2-11", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_certificate_instead(peer: Peer) -> None:
    """Who must authenticate by EAP is not taken with a shared key that nobody has agreed on."""
    sa = peer.sa(local=replace(peer.connection.local, auth=Psk(b"a key that nobody has agreed on")))
    sa.init()
    must_be_refused(peer, sa)


@purpose(
    "eap-unconfigured", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.16-3", role="responder", connection=usual(),
)  # fmt: skip
def test_unconfigured(peer: Peer) -> None:
    """Who must authenticate by a key or certificate, and leaves AUTH out, is not let in by EAP or without anything."""
    sa = peer.sa()
    sa.init()
    answer = answer_of(peer, sa, bend.drop(AUTH))
    granted = [kind.__name__ for kind in (SA, TSi, TSr) if answer.first(kind) is not None]
    peer.check(not granted, "no Child SA", ", ".join(granted), "RFC7296-1.2-18", bypass=True)
    must_be_gone(peer, sa, told=fatal(answer) is not None)
