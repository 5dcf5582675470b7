"""Shared keys from an AAA server (RFC 2868): whose key is asked for, which one counts, and what if there is none."""

from contextlib import suppress
from random import Random

from conformance.ike.core.connection import Identity, Party, Psk
from conformance.ike.core.sending import State
from conformance.radius import bend, grant
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Attribute, Code
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import Message, NotifyType
from peers.capabilities import Capability
from peers.credentials import AAA_PASSWORD
from suites.aaa.steps import PATIENCE, in_or_refused, must_get_in, must_not_get_in, patient, stopped
from suites.connections import key_by_aaa
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

KEYS = (Capability.AAA, Capability.AAA_KEYS)
PAIRS = (*KEYS, Capability.CISCO_PAIRS)
SERVED = key_by_aaa()
NOBODY = "RFC7296-1.2-18"
AUTH_KEY = "RFC7296-2.15-10"
OURS, THEIRS = b"the key that proves the tester", b"the key that proves the device"


def granting(aaa: Aaa, *given: Attribute) -> None:
    """What the server says of every name until it is honest again."""
    aaa.server.plain = list(given)


def must_be_turned_away(peer: Peer, aaa: Aaa, requirement: str = AUTH_KEY, key: bytes | None = None) -> Message:
    """Our key, or another one, must not do: AUTHENTICATION_FAILED, and no IKE SA. Then the server is honest."""
    ours = secret(peer) if key is None else key
    party = Party(peer.connection.local.identity, Psk(ours))
    answer = must_not_get_in(peer, aaa, requirement, quiet="RFC7296-2.21.2-1", local=party)
    assert answer is not None
    peer.expect_notify(answer, NotifyType.AUTHENTICATION_FAILED, "RFC7296-2.21.2-1")
    return answer


# --- keys that count --------------------------------------------------------------------------------------------------


@purpose(
    "aaa-psk", "RFC2868-3.5-1", AUTH_KEY, role="responder", needs=KEYS, connection=SERVED, ordinary=True,
)  # fmt: skip
def test_psk(peer: Peer) -> None:
    """The key in Tunnel-Password proves us, and the device, too."""
    must_get_in(peer, "RFC2868-3.5-1").liveness()


@purpose(
    "aaa-psk-tag", "RFC2868-3.5-1", "RFC2868-3.5-2", role="responder", needs=KEYS, connection=SERVED, ordinary=True,
)  # fmt: skip
def test_tag(peer: Peer, aaa: Aaa) -> None:
    """The tag before the key is not of the key, whether it says something or not."""
    for tag in (1, 31, 0):
        granting(aaa, *grant.tunnel_password(secret(peer), tag))
        must_get_in(peer, "RFC2868-3.5-2").delete()


def secret(peer: Peer) -> bytes:
    """The key that we have."""
    auth = peer.connection.local.auth
    assert isinstance(auth, Psk)
    return auth.secret


LONG = bytes(Random(1).choices(range(33, 127), k=128))
ODD = "an odd key: 'ä', \"ß\" \\ %\x7f \t".encode()


@purpose(
    "aaa-psk-long", "RFC2868-3.5-1", AUTH_KEY, role="responder", needs=KEYS, connection=key_by_aaa(secret=LONG),
    ordinary=True,
)  # fmt: skip
def test_long(peer: Peer) -> None:
    """A key of 128 octets, several blocks of what hides it, is that key."""
    must_get_in(peer, "RFC2868-3.5-1").liveness()


@purpose(
    "aaa-psk-odd", "RFC2868-3.5-1", AUTH_KEY, role="responder", needs=KEYS, connection=key_by_aaa(secret=ODD),
    ordinary=True,
)  # fmt: skip
def test_odd(peer: Peer) -> None:
    """A key with blanks, quotes, and octets that are no ASCII is that key."""
    must_get_in(peer, "RFC2868-3.5-1").liveness()


@purpose("aaa-psk-pair", AUTH_KEY, role="responder", needs=PAIRS, connection=SERVED)
def test_pair(peer: Peer, aaa: Aaa) -> None:
    """The key in the pair ipsec:tunnel-password does the same."""
    granting(aaa, grant.pair("tunnel-password", secret(peer).decode()))
    must_get_in(peer, AUTH_KEY).liveness()


TWO = key_by_aaa(secret=OURS, theirs=THEIRS)


@purpose(
    "aaa-psk-two", AUTH_KEY, "RFC7296-2.15-8", role="responder", needs=PAIRS, connection=TWO, ordinary=True,
)  # fmt: skip
def test_two(peer: Peer) -> None:
    """Of two keys one proves us, the other one the device."""
    must_get_in(peer, AUTH_KEY).liveness()


@purpose(
    "aaa-psk-swapped", AUTH_KEY, NOBODY, role="responder", needs=PAIRS, connection=TWO,
)  # fmt: skip
def test_swapped(peer: Peer, aaa: Aaa) -> None:
    """Whoever proves himself with the key of the other direction is turned away."""
    must_be_turned_away(peer, aaa, key=THEIRS)


@purpose(
    "aaa-psk-half", AUTH_KEY, NOBODY, role="responder", needs=PAIRS, connection=TWO,
)  # fmt: skip
def test_half(peer: Peer, aaa: Aaa) -> None:
    """Where the server has a key for us, and none for the device, there is no session: what would prove it?"""
    granting(aaa, grant.pair("ikev2-password-remote", OURS.decode()))
    must_be_turned_away(peer, aaa)


# --- keys that do not -------------------------------------------------------------------------------------------------


@purpose("aaa-psk-other", AUTH_KEY, NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_other(peer: Peer, aaa: Aaa) -> None:
    """Where the server has another key than ours we are turned away."""
    granting(aaa, *grant.tunnel_password(b"another key than that of the tester"))
    must_be_turned_away(peer, aaa)


@purpose("aaa-psk-prefix", AUTH_KEY, NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_prefix(peer: Peer, aaa: Aaa) -> None:
    """A key that ours begins with is another key, and so is one that begins with ours."""
    for other in (secret(peer)[:-1], secret(peer) + b"x", secret(peer)[:16]):
        granting(aaa, *grant.tunnel_password(other))
        must_be_turned_away(peer, aaa)


@purpose("aaa-psk-none", AUTH_KEY, NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_none(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept without a key lets nobody in, also not with the key of no octets."""
    granting(aaa)
    must_be_turned_away(peer, aaa)
    granting(aaa)
    must_be_turned_away(peer, aaa, key=b"")


@purpose("aaa-psk-empty", AUTH_KEY, NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_empty(peer: Peer, aaa: Aaa) -> None:
    """A Tunnel-Password of no octets is no key: nobody gets in with it."""
    granting(aaa, *grant.tunnel_password(b""))
    must_be_turned_away(peer, aaa, key=b"")


@purpose("aaa-psk-reject", "RFC3579-2.1-1", NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_reject(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject turns us away with the same words as a wrong key: whether there is such a name nobody learns."""
    granting(aaa, *grant.tunnel_password(b"another key than that of the tester"))
    wrong = must_be_turned_away(peer, aaa)
    aaa.server.refusing = True
    unknown = must_be_turned_away(peer, aaa, "RFC3579-2.1-1")
    same = [(one.type, one.data) for one in wrong.notifies()] == [(one.type, one.data) for one in unknown.notifies()]
    peer.check(same, "the same answer to both", unknown, "RFC7296-2.21.2-1")


@purpose("aaa-psk-challenge", "RFC2865-4.4-2", NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_challenge(peer: Peer, aaa: Aaa) -> None:
    """An Access-Challenge, which nobody can answer, is a refusal, though it has the key in it."""
    aaa.server.always = bend.code(Code.ACCESS_CHALLENGE).only(Code.ACCESS_ACCEPT)
    must_be_turned_away(peer, aaa, "RFC2865-4.4-2")


@purpose(
    "aaa-psk-silence", NOBODY, "RFC7296-2.21.2-1", role="responder", needs=KEYS, connection=SERVED, waits=5.0,
)  # fmt: skip
def test_silence(peer: Peer, aaa: Aaa) -> None:
    """Where no server answers nobody gets in, and we are told at last."""
    aaa.server.muted = True
    must_not_get_in(peer, aaa, NOBODY, quiet="RFC7296-2.21.2-1")


def garbled(text: str, change: bytes) -> RadiusBend:
    """The key hidden in another way: its octets are others."""

    def replaced(found: bytes) -> bytes:
        out, at = found[:20], 20
        while at < len(found):
            one = found[at : at + found[at + 1]]
            out += bytes([one[0], len(change) + 2]) + change if one[0] == 69 else one
            at += found[at + 1]
        return out[:2] + len(out).to_bytes(2, "big") + out[4:]

    return bend.octets(text, replaced)


@purpose("aaa-psk-malformed", "RFC2868-3.5-1", NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_malformed(peer: Peer, aaa: Aaa) -> None:
    """A Tunnel-Password that is too short, no multiple of 16 octets, or longer inside than outside is no key."""
    for change in (b"", b"\0", b"\0\x80\x01", b"\0\x80\x01" + bytes(7), b"\0\x80\x01" + b"\xff" * 16):
        aaa.server.always = garbled(f"with a Tunnel-Password of {len(change)} octets", change).only(Code.ACCESS_ACCEPT)
        must_not_get_in(peer, aaa, "RFC2868-3.5-1")


# --- answers that are nobody's ----------------------------------------------------------------------------------------


def must_count_for_nothing(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> None:
    """A false Access-Accept with the key before the true Access-Reject."""
    aaa.server.refusing = True
    aaa.server.false = wrong.only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, requirement)


@purpose(
    "aaa-psk-false-authenticator", "RFC2865-4.2-1", NOBODY, role="responder", needs=KEYS, connection=SERVED,
)  # fmt: skip
def test_false_authenticator(peer: Peer, aaa: Aaa) -> None:
    """A key in an Access-Accept with a wrong Response Authenticator is none."""
    must_count_for_nothing(peer, aaa, bend.wrong_authenticator(), "RFC2865-4.2-1")


@purpose("aaa-psk-false-proof", "RFC3579-3.2-1", NOBODY, role="responder", needs=KEYS, connection=SERVED)
def test_false_proof(peer: Peer, aaa: Aaa) -> None:
    """A key in an Access-Accept with a wrong Message-Authenticator is none.

    Without EAP nothing but this attribute stands in the way of somebody who can forge the MD5 of an answer.
    """
    must_count_for_nothing(peer, aaa, bend.wrong_message_authenticator(), "RFC3579-3.2-1")


@purpose(
    "aaa-psk-stale", "RFC2865-4.2-1", "RFC2865-3-4", NOBODY, role="responder", needs=KEYS, connection=SERVED,
)  # fmt: skip
def test_stale(peer: Peer, aaa: Aaa) -> None:
    """The Access-Accept of another time, under the Identifier of this one's request, is none."""
    must_get_in(peer, AUTH_KEY).delete()
    old = [one.octets for one in aaa.server.events if one.way == "out" and one.octets[0] == Code.ACCESS_ACCEPT][-1]
    replayed = RadiusBend("an Access-Accept from before", sealed=lambda found: old[:1] + found[1:2] + old[2:])
    must_count_for_nothing(peer, aaa, replayed, "RFC2865-4.2-1")


# --- what the server is asked -----------------------------------------------------------------------------------------


@purpose(
    "aaa-psk-request", "RFC2865-4.1-4", "RFC2865-4.1-3", "RFC2865-5.1-1", role="responder", needs=KEYS,
    connection=SERVED,
)  # fmt: skip
def test_request(peer: Peer, aaa: Aaa) -> None:
    """The server is asked once, for our identity, by a gateway that says who it is, and never told the key."""
    must_get_in(peer, "RFC2865-5.1-1")
    different = list({one.packet.octets: one.packet for one in aaa.requests()}.values())
    peer.check(len(different) == 1, "one Access-Request", len(different), "RFC2865-4.1-4")
    packet = different[0]
    name = str(peer.connection.local.identity)
    peer.check(packet.text("User-Name") == name, f"User-Name {name}", packet.text("User-Name"), "RFC2865-5.1-1")
    peer.check(packet.raw(4) or packet.raw(32) or packet.raw(95), "who it is", packet.words, "RFC2865-4.1-3")
    proof = packet.raw(2) or packet.raw(3) or packet.raw(24)
    peer.check(proof, "User-Password, CHAP-Password or State", packet.words, "RFC2865-4.1-4")
    right = packet.password != secret(peer)
    peer.check(right, "another password than the key", packet.words, "RFC2865-4.1-4", bypass=True)


@purpose(
    "aaa-psk-outbound", "RFC2865-5.1-1", role="responder", needs=PAIRS, connection=SERVED,
)  # fmt: skip
def test_outbound(peer: Peer, aaa: Aaa) -> None:
    """A gateway of Cisco's asks with Service-Type Outbound, its password for that, and the address of the peer."""
    must_get_in(peer, "RFC2865-5.1-1")
    packet = aaa.requests()[-1].packet
    told = (packet.number("Service-Type"), packet.password, packet.text("Calling-Station-Id"))
    wanted = (5, AAA_PASSWORD, peer.connection.local_address)
    peer.check(told == wanted, "Outbound, the password for it, our address", packet.words, "RFC2865-5.1-1")


@purpose(
    "aaa-psk-late", "RFC2865-2.5-1", "RFC7296-2.1-2", role="responder", needs=KEYS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_late(peer: Peer, aaa: Aaa) -> None:
    """While the server thinks for 1.2 s our repetitions ask it nothing anew, and get one answer."""
    aaa.server.always = bend.late(1.2).only(Code.ACCESS_ACCEPT)
    with patient(peer, PATIENCE):
        must_get_in(peer, AUTH_KEY)
    same = {one.packet.octets for one in aaa.requests()}
    peer.check(len(same) == 1, "one request", f"{len(same)} different ones", "RFC2865-2.5-1")


@purpose(
    "aaa-psk-failover", "RFC2865-2.5-2", role="responder", needs=KEYS, connection=key_by_aaa(servers=2), waits=12.0,
)  # fmt: skip
def test_failover(peer: Peer, aaa: Aaa) -> None:
    """Where the first server is silent the second one has the key."""
    aaa.server.muted = True
    with patient(peer, PATIENCE):
        sa = peer.sa()
        sa.init()
        sa.auth()
    if not aaa.requests(server=1):
        raise NotApplicable("it does not ask its second server")
    sa.must_be_established("RFC2865-2.5-2")


@purpose(
    "aaa-psk-strangers", NOBODY, "RFC2865-4.1-4", role="responder", needs=KEYS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_strangers(peer: Peer, aaa: Aaa) -> None:
    """Of thirty strangers with names of their own none gets in; the server is asked once for each at the most."""
    aaa.server.refusing = True
    for number in range(30):
        named = Party(Identity.of(f"stranger{number}.ikespec.example"), peer.connection.local.auth)
        sa = peer.sa(local=named)
        sa.init()
        with suppress(Unexpected), patient(peer, 6.0):
            sa.auth()
        sa.pending = None
        peer.check(sa.state is not State.ESTABLISHED, "no IKE SA", "an IKE SA", NOBODY, bypass=True)
    number = len({one.packet.octets for one in aaa.requests()})
    peer.check(number <= 30, "30 requests at the most", number, "RFC2865-4.1-4")
    aaa.be_honest()
    must_get_in(peer, AUTH_KEY)


@purpose("aaa-psk-names", "RFC2865-5-3", NOBODY, role="responder", needs=KEYS, connection=SERVED, waits=4.0)
def test_names(peer: Peer, aaa: Aaa) -> None:
    """A name with an octet of zero, a line break, or 300 octets is asked for whole, or not at all."""
    good = str(peer.connection.local.identity).encode()
    for name in (good + b"\0.stranger", good + b"\n", good + b"." + b"x" * 270, b"\0" + good):
        kind = peer.connection.local.identity.id_type
        sa = peer.sa(local=Party(Identity(kind, name), peer.connection.local.auth))
        sa.init()
        mark = len(aaa.requests())
        with suppress(Unexpected), patient(peer, 6.0):
            sa.auth()
        sa.pending = None
        asked = [value for one in aaa.requests()[mark:] for value in one.packet.raw(1)]
        wrong = [one for one in asked if one != name]
        peer.check(not wrong, "no other User-Name", wrong, "RFC2865-5-3", bypass=True)
        if sa.state is State.ESTABLISHED:
            sa.delete()
    in_or_refused(peer, aaa)


# --- what is granted beside it ----------------------------------------------------------------------------------------


@purpose(
    "aaa-psk-acct", "RFC2866-2-1", role="responder", needs=(*KEYS, Capability.ACCOUNTING), connection=SERVED,
)  # fmt: skip
def test_acct(peer: Peer, aaa: Aaa) -> None:
    """The session of somebody with a key from the server is told of under his identity, from beginning to end."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    last = stopped(peer, aaa, session)
    name = str(peer.connection.local.identity)
    peer.check(last.user == name, f"User-Name {name}", last.user or "none", "RFC2866-2-1")
