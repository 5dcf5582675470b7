"""Shared keys, and what AUTH is computed over (RFC 7296, section 2.15)."""

from conformance.ike.core.connection import Party, Psk
from conformance.ike.core.proof import identity_body
from conformance.net.link import Address
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    EAP,
    FLAG_RESPONSE,
    SA,
    SK,
    AuthMethod,
    ExchangeType,
    IDr,
    NotifyType,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
    decode_message,
)
from peers.capabilities import Capability
from suites.choices import PRF, each
from suites.connections import psk, usual
from suites.ike_auth.refusal import answer_of, answers, control, must_be_a_refusal, must_be_refused
from suites.ike_auth.steps import NEARLY_RIGHT, mic_over, must_be_clean, must_succeed, without_notify
from suites.ike_sa_init.steps import each_taken
from suites.purpose import purpose


def identity_proof(sa: ScriptedSa) -> bytes:
    """prf(SK_pi, IDi'), the last part of the octets that we sign."""
    assert sa.keys is not None
    return sa.keys.suite.prf_function(sa.keys.sk_pi, identity_body(sa.own_identity()))


@purpose(
    "auth-psk", "RFC7296-1.2-10", "RFC7296-2.15-10", "RFC7296-2.15-2", "RFC7296-2.15-1", "RFC7296-2.14-1",
    "RFC7296-2.14-2", "RFC7296-1.2-1", "RFC7296-3.8-4", "RFC7296-4-4", "RFC7296-3.5-5", "RFC8247-3.1-2",
    role="responder", ordinary=True,
    connection=psk(),
)  # fmt: skip
def test_psk(peer: Peer) -> None:
    """A shared key authenticates both sides, and IKE SA and Child SA are up in four messages.

    The response must hold IDr, AUTH, SA, TSi and TSr, and its AUTH must be that of the device's identity and key.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    for kind in (IDr, AUTH, SA, TSi, TSr):
        peer.expect(answer, kind, "RFC7296-1.2-10")
    must_succeed(peer, sa, "RFC7296-2.15-2")


@purpose(
    "auth-response-format", "RFC7296-2.2-6", "RFC7296-1.2-1", "RFC7296-2.5-7", "RFC7296-3.1-15", "RFC7296-3.2-6",
    "RFC7296-2.5-14", "RFC7296-3.14-1", "RFC7296-3.1-5", role="responder",
)  # fmt: skip
def test_response_format(peer: Peer) -> None:
    """The response has message ID 1, the Response flag alone, one Encrypted payload and nothing beside it."""
    sa = peer.sa(fragment_size=0)
    sa.init(without_notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED))
    answer = sa.auth()
    must_succeed(peer, sa)
    peer.check(answer.message_id == 1, "message ID 1", answer.message_id, "RFC7296-2.2-6")
    peer.check(
        answer.flags == FLAG_RESPONSE, "the Response flag alone", f"flags 0x{answer.flags:02x}", "RFC7296-3.1-15"
    )
    outside = decode_message(next(one.raw for one in peer.inbox if one.message is answer)).payloads
    peer.check([type(one) for one in outside] == [SK], "one Encrypted payload", outside, "RFC7296-1.2-1")
    must_be_clean(peer, answer)


@purpose(
    "auth-prf", "RFC7296-2.15-10", "RFC7296-2.14-3", "RFC7296-2.14-1", "RFC7296-2.13-4", role="responder",
    connection=usual(proposals=each(PRF)),
)  # fmt: skip
def test_prf(peer: Peer) -> None:
    """AUTH is computed with the negotiated PRF and a key SK_p of its size, for each PRF that the device takes."""
    for sa in each_taken(peer):
        sa.auth()
        must_succeed(peer, sa, "RFC7296-2.15-10")


@purpose(
    "auth-psk-wrong", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1", "RFC7296-2.21.2-2",
         "RFC7296-3.10.1-8", role="responder", connection=psk())  # fmt: skip
def test_psk_wrong(peer: Peer) -> None:
    """Another shared key authenticates nobody."""
    sa = peer.sa(local=Party(peer.connection.local.identity, Psk(b"not the key that was agreed on")))
    sa.init()
    must_be_refused(peer, sa)


@purpose(
    "auth-psk-bit", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1", role="responder", connection=psk(),
)  # fmt: skip
def test_psk_bit(peer: Peer) -> None:
    """A MIC that is wrong in its last bit, or that stops early, authenticates nobody.

    A device that compares only as many octets as it was sent would take the right first half of a MIC, or none at all.
    """
    for bent in NEARLY_RIGHT:
        sa = peer.sa()
        sa.init()
        must_be_refused(peer, sa, bent)


@purpose("auth-missing", "RFC7296-1.2-18", "RFC7296-1.2-6", "RFC7296-2.16-3", role="responder")
def test_missing(peer: Peer) -> None:
    """Without AUTH a request asks for EAP; a device that knows only a shared key refuses it."""
    sa = peer.sa()
    sa.init()
    answer = answer_of(peer, sa, bend.drop(AUTH))
    if answer.first(EAP) is not None:
        raise NotApplicable("the device goes on with EAP")
    must_be_a_refusal(peer, sa, answer, NotifyType.AUTHENTICATION_FAILED)


@purpose("auth-refused-gone", "RFC7296-1.2-18", "RFC7296-2.21.2-10", role="responder")
def test_refused_gone(peer: Peer) -> None:
    """An IKE SA that was refused is gone: nothing is answered on it any more.

    The device refuses us for another shared key. It is asked at once, and again after a while.
    """
    sa = peer.sa(local=Party(peer.connection.local.identity, Psk(b"not the key that was agreed on")))
    sa.init()
    answer = answer_of(peer, sa)
    peer.check(fatal(answer), "an error notify", answer, "RFC7296-1.2-18")
    for pause in (0.0, peer.response_timeout):
        peer.idle(pause)
        check = sa.send(ExchangeType.INFORMATIONAL)
        control(peer)
        alive = [one for one in answers(peer, sa, check) if fatal(one.message) is None]
        shown = f"{alive[0]}, on the IKE SA that it has refused" if alive else ""
        peer.check(not alive, "no answer to a liveness check", shown, "RFC7296-2.21.2-10")


@purpose("auth-wrong-nonce", "RFC7296-2.15-1", "RFC7296-1.2-11", role="responder", connection=psk())
def test_wrong_nonce(peer: Peer) -> None:
    """AUTH over the initiator's own nonce does not prove that it is fresh: Nr must be signed."""
    sa = peer.sa()
    sa.init()
    octets = sa.init_request_raw + sa.nonce_i + identity_proof(sa)
    must_be_refused(peer, sa, mic_over(sa, octets, "AUTH over Ni instead of Nr"))


@purpose(
    "auth-without-id", "RFC7296-2.15-3", "RFC7296-2.15-1", "RFC7296-1.2-11", role="responder", ordinary=True,
    connection=psk(),
)  # fmt: skip
def test_without_id(peer: Peer) -> None:
    """AUTH must cover the identity by prf(SK_pi, IDi')."""
    sa = peer.sa()
    sa.init()
    octets = sa.init_request_raw + sa.nonce_r
    must_be_refused(peer, sa, mic_over(sa, octets, "AUTH without the identity"))


@purpose("auth-init-tampered", "RFC7296-2.15-5", "RFC7296-2.15-1", "RFC7296-1.2-11", role="responder")
def test_init_tampered(peer: Peer) -> None:
    """What somebody changed in IKE_SA_INIT on its way is found in IKE_AUTH.

    We sign an IKE_SA_INIT request whose Vendor ID differs in one letter from the one that the device got.
    """
    sa = peer.sa()
    sa.init(bend.append(VendorID(b"ikespec A")))
    sa.init_request_raw = sa.init_request_raw.replace(b"ikespec A", b"ikespec B")
    must_be_refused(peer, sa)


@purpose("auth-init-verbatim", "RFC7296-2.15-5", "RFC7296-2.15-1", role="responder")
def test_init_verbatim(peer: Peer) -> None:
    """AUTH covers the octets of IKE_SA_INIT as they were sent, whether the device knows their meaning or not.

    Our request has a Vendor ID, a payload of an unknown type, and reserved bits that are not zero; all are signed.
    """
    sa = peer.sa()
    strange = UnknownPayload(201, b"not for you", reserved=0x2A)
    sa.init(bend.append(VendorID(b"ikespec")) | bend.append(strange))
    sa.auth()
    must_succeed(peer, sa, "RFC7296-2.15-5")


@purpose("auth-replayed", "RFC7296-2.15-1", "RFC7296-1.2-11", role="responder")
def test_replayed(peer: Peer) -> None:
    """An AUTH payload proves something for its own IKE SA only."""
    first = peer.establish()
    proof = first.prove(first.own_identity())
    sa = peer.sa()
    sa.init()
    must_be_refused(peer, sa, bend.replace(AUTH, lambda _: proof, "AUTH of another IKE SA"))


@purpose("auth-method-unknown", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1", role="responder")
def test_method_unknown(peer: Peer) -> None:
    """An authentication method that the device does not have, or was not told to take, authenticates nobody.

    Once with an unassigned method, once with DSS, which must not be used any more, and once with NULL authentication
    (RFC 7619), whose key is SK_pi.
    """
    for method in (AuthMethod(200), AuthMethod.DSS_SIGNATURE, AuthMethod.NULL):
        sa = peer.sa()
        sa.init()
        assert sa.keys is not None
        data = sa.shared_key_mic(sa.keys.sk_pi, sa.signed_octets(sa.own_identity()))
        must_be_refused(peer, sa, bend.change(AUTH, method=method, data=data))


@purpose("auth-method-mismatch", "RFC7296-3.8-4", "RFC7296-1.2-11", role="responder", connection=psk())
def test_method_mismatch(peer: Peer) -> None:
    """The right MIC under the name of a signature is not accepted."""
    sa = peer.sa()
    sa.init()
    must_be_refused(peer, sa, bend.change(AUTH, method=AuthMethod.RSA_SIGNATURE))


_LONG = b"The quick brown fox jumps over the lazy dog, and sixty-four: 64!"
_OCTETS = b"\x00 zero first, \xff\xfe, zero \x00 within, zero last \x00"


@purpose(
    "auth-psk-64",
    "RFC7296-2.15-11",
    "RFC7296-2.15-12",
    "RFC4868-2.1.2-1",
    role="responder",
    ordinary=True,
    connection=psk(secret=_LONG),
)
def test_psk_64(peer: Peer) -> None:
    """A shared key of 64 ASCII characters is used as a whole, without terminator."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC7296-2.15-11")


@purpose(
    "auth-psk-octets",
    "RFC7296-2.15-13",
    "RFC7296-2.15-12",
    role="responder",
    ordinary=True,
    connection=psk(secret=_OCTETS),
)
def test_psk_octets(peer: Peer) -> None:
    """A shared key that was given in hexadecimal may hold any octets, zeros as well."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC7296-2.15-13")


BEYOND = "RFC7296-2.15-10", "RFC4868-2.1.2-1", "RFC7296-2.15-12"


@purpose("auth-psk-65", *BEYOND, role="responder", ordinary=True, connection=psk(secret=_LONG + b"5"))
def test_psk_65(peer: Peer) -> None:
    """A shared key of 65 octets, one more than a block of SHA-1 and SHA-256, is used as a whole."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, BEYOND[0])


@purpose("auth-psk-129", *BEYOND, role="responder", ordinary=True, connection=psk(secret=_LONG + b"'\"" + _LONG[1:]))
def test_psk_129(peer: Peer) -> None:
    """One of 129 octets, one more than a block of SHA-384 and SHA-512, with quotes in it, is used as a whole."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, BEYOND[0])


@purpose("auth-port-4500", "RFC7296-2.15-4", "RFC7296-2-4", role="responder", needs=(Capability.NAT_T,))
def test_port_4500(peer: Peer) -> None:
    """The non-ESP marker in front of IKE_SA_INIT on port 4500 is not part of what is signed."""
    connection = peer.connection
    local = Address(peer.local.host, connection.local_ports[1])
    remote = Address(peer.remote.host, connection.remote_ports[1])
    sa = peer.new_sa(connection, initiator=True, local=local, remote=remote)
    sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC7296-2.15-4")
