"""EAP passed through to an AAA server that behaves (RFC 2865, 3579): who comes in, and what the server is asked."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from conformance.radius.packet import attributes
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import EAP, EapCode, EapType, Message
from suites.aaa.steps import ASKS, SERVED, must_get_in, patient, up_to_result
from suites.connections import by_aaa
from suites.eap.steps import fields
from suites.ike_auth.refusal import must_be_gone
from suites.purpose import purpose
from suites.radius import Aaa, Request

TIER = "full"

EAP_MESSAGE = 79


@purpose(
    "aaa-mschapv2", "RFC2548-2.4-1", "RFC3579-2.6.4-1", "RFC7296-2.16-6", role="responder", needs=ASKS,
    connection=SERVED, ordinary=True,
)  # fmt: skip
def test_mschapv2(peer: Peer) -> None:
    """EAP-MSCHAPv2 with a server behind the device lets us in, and AUTH is made with the key that the server gives.

    The EAP-Success in the Access-Accept comes to us before the device lets us in.
    """
    must_get_in(peer, "RFC2548-2.4-1").liveness()


@purpose(
    "aaa-tls", "RFC2548-2.4-1", "RFC3579-3.1-1", "RFC7296-2.16-6", role="responder", needs=ASKS,
    connection=by_aaa("tls"), ordinary=True,
)  # fmt: skip
def test_tls(peer: Peer, aaa: Aaa) -> None:
    """EAP-TLS, whose packets are longer than an attribute, lets us in; each is in attributes that follow in order."""
    must_get_in(peer, "RFC2548-2.4-1").liveness()
    for one in aaa.requests():
        kinds = [kind for kind, _ in attributes(one.packet.octets)]
        at = [number for number, kind in enumerate(kinds) if kind == EAP_MESSAGE]
        together = at == list(range(at[0], at[0] + len(at))) if at else False
        peer.check(together, "attributes EAP-Message that follow each other", one.packet.words, "RFC3579-3.1-1")


def by_method(method: str) -> Callable[[Peer], None]:
    """A method that only we and the server know: the device passes it on, and takes the key that comes out of it."""

    @purpose(
        f"aaa-{method}", "RFC2548-2.4-1", "RFC7296-2.16-6", role="responder", needs=ASKS, connection=by_aaa(method),
        ordinary=True, family="aaa-methods",
    )  # fmt: skip
    def test(peer: Peer) -> None:
        must_get_in(peer, "RFC2548-2.4-1").liveness()

    test.__doc__ = f"EAP-{method.upper()} goes through the device, whether it knows it or not, and its key proves us."
    return test


test_ttls = by_method("ttls")
test_peap = by_method("peap")
test_sim = by_method("sim")
test_aka = by_method("aka")
test_aka_prime = by_method("aka-prime")


@purpose(
    "aaa-md5", "RFC7296-2.16-9", "RFC7296-2.16-8", role="responder", needs=ASKS, connection=by_aaa("md5"),
    ordinary=True,
)  # fmt: skip
def test_md5(peer: Peer) -> None:
    """Where the method makes no key, and so the server gives none, AUTH is made with SK_pi and SK_pr.

    A device may refuse such methods.
    """
    sa = peer.sa()
    answer = up_to_result(peer, sa)
    found = answer.first(EAP)
    if found is None or found.packet.code != EapCode.SUCCESS:
        raise NotApplicable("it refuses methods that make no key")
    sa.conclude(sa.proceed(answer))
    sa.must_be_established("RFC7296-2.16-9")
    sa.liveness()


# --- what the server is asked -----------------------------------------------------------------------------------------


@purpose(
    "aaa-user-name", "RFC3579-2.1-4", "RFC3579-2.1-5", "RFC2865-5.1-1", "RFC2865-4.1-2", "RFC7296-2.16-15",
    role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_user_name(peer: Peer, aaa: Aaa) -> None:
    """Each Access-Request has the name in User-Name that we have told in EAP, which is not that of IKE.

    So what the server grants is for who has proved it, and not for who is named in IDi.
    """
    must_be_asked_for(peer, aaa)
    ike = peer.connection.local.identity.data
    under = [one for one in named_requests(aaa) if ike in one.packet.raw(1)]
    peer.check(not under, "nobody asked for by the identity of IKE", under, "RFC7296-2.16-15")


def must_be_asked_for(peer: Peer, aaa: Aaa) -> None:
    """We come in, and are asked for by our name in EAP and no other."""
    must_get_in(peer, "RFC3579-2.1-4")
    assert aaa.auth.identity is not None
    name = aaa.auth.identity.encode()
    requests = named_requests(aaa)
    peer.check(len(requests) > 1, "several Access-Requests", len(requests))
    for number, one in enumerate(requests):
        requirement = "RFC3579-2.1-5" if number else "RFC3579-2.1-4"
        found = one.packet.raw(1)
        peer.check(found == [name], f"User-Name {aaa.auth.identity[:40]}", one.packet.text("User-Name"), requirement)


def named_requests(aaa: Aaa) -> list[Request]:
    """The requests since somebody has told his name: an EAP-Start is in that of his address (RFC 3579, 2.1)."""
    return [one for one in aaa.requests() if one.packet.eap]


@purpose(
    "aaa-name-realm", "RFC3579-2.1-4", "RFC3579-2.1-5", role="responder", needs=ASKS,
    connection=by_aaa(eap_changes={"identity": "tester@realm.ikespec.example"}),
)  # fmt: skip
def test_name_realm(peer: Peer, aaa: Aaa) -> None:
    """A name with a realm is passed on as it is."""
    must_be_asked_for(peer, aaa)


@purpose(
    "aaa-name-domain", "RFC3579-2.1-4", "RFC3579-2.1-5", role="responder", needs=ASKS,
    connection=by_aaa(eap_changes={"identity": "IKESPEC\\tester"}),
)  # fmt: skip
def test_name_domain(peer: Peer, aaa: Aaa) -> None:
    """A name behind a domain and a backslash is passed on as it is."""
    must_be_asked_for(peer, aaa)


@purpose(
    "aaa-name-of-ike", "RFC2865-5.1-1", "RFC3579-3.1-2", role="responder", needs=ASKS,
    connection=by_aaa(eap_changes={"asked": False, "identity": None}), ordinary=True,
)  # fmt: skip
def test_name_of_ike(peer: Peer, aaa: Aaa) -> None:
    """Where the device does not ask for a name, the server is asked for our identity of IKE, and EAP begins with it.

    We are asked by the method at once. A device may leave it to the server to ask for the name.
    """
    sa = peer.sa()
    heard: list[EapType | int] = []

    def hear(message: Message) -> None:
        found = message.first(EAP)
        heard.append(found.packet.type if found is not None and found.packet.type is not None else 0)

    answer = up_to_result(peer, sa, hear)
    name = str(peer.connection.local.identity).encode()
    first = aaa.requests()[0].packet
    peer.check(first.raw(1) == [name], f"User-Name {name.decode()}", first.text("User-Name") or "none", "RFC2865-5.1-1")
    begun = first.eap or b""
    if len(begun) > 5:
        peer.check(begun[5:] == name, "that name in EAP, too", begun[5:].decode(errors="replace"), "RFC3579-3.1-2")
        peer.check(heard[:1] != [EapType.IDENTITY], "no request for the name", str(heard[0]), "RFC2865-5.1-1")
    sa.conclude(sa.proceed(answer))
    sa.must_be_established("RFC2865-5.1-1")


def must_be_named(peer: Peer, aaa: Aaa, name: bytes, *others: bytes) -> None:
    """Whoever says that this is his name in EAP is asked for by it, and not by another one; he does not come in.

    ``others`` are what the server may be asked for as well, or nothing at all.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(follow=False)
    mark = len(aaa.requests())
    with suppress(Unexpected), patient(peer):
        sa.proceed(answer, fields(f"an identity of {len(name)} octets", data=name))
    found = [one.packet for one in aaa.requests()[mark:]]
    named = [value for packet in found for value in packet.raw(1)]
    allowed = (name, *others)
    wrong = [value for value in named if value not in allowed]
    shown = ", ".join(value.decode(errors="backslashreplace") for value in wrong)
    peer.check(not wrong, "no other User-Name", shown, "RFC3579-2.1-4", bypass=True)
    if not others:
        peer.check(named, "a User-Name", "none", "RFC3579-2.1-4")
    sa.pending = None
    must_be_gone(peer, sa, told=False)


@purpose(
    "aaa-name-zero", "RFC3579-2.1-4", "RFC2865-5-3", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_name_zero(peer: Peer, aaa: Aaa) -> None:
    """A name with an octet of zero in it is not cut off there: that would be another user. It may be refused."""
    must_be_named(peer, aaa, b"tester\0stranger", b"tester\\0stranger")


@purpose(
    "aaa-name-longest", "RFC3579-2.1-4", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_name_longest(peer: Peer, aaa: Aaa) -> None:
    """A name of 253 octets fits into the attribute, and is passed on as it is."""
    must_be_named(peer, aaa, b"t" * 200 + b"@realm.ikespec.example".rjust(53, b"r"))


@purpose(
    "aaa-name-beyond", "RFC3579-2.1-4", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_name_beyond(peer: Peer, aaa: Aaa) -> None:
    """For a name of 300 octets, which no attribute can hold, nobody else is asked for, and nobody comes in."""
    must_be_named(peer, aaa, b"tester" + b"r" * 294, b"")


@purpose(
    "aaa-message-authenticator", "RFC3579-3.1-3", "RFC3579-3.2-2", role="responder", needs=ASKS, connection=SERVED,
    ordinary=True,
)  # fmt: skip
def test_message_authenticator(peer: Peer, aaa: Aaa) -> None:
    """Each Access-Request has a Message-Authenticator, and it is right."""
    must_get_in(peer, "RFC3579-3.1-3")
    for one in aaa.requests():
        there = one.packet.authenticated
        peer.check(there is not None, "a Message-Authenticator", one.packet.words, "RFC3579-3.1-3")
        peer.check(there, "a right Message-Authenticator", one.packet.words, "RFC3579-3.2-2")


@purpose(
    "aaa-nas-named", "RFC2865-4.1-3", "RFC3579-3-2", "RFC3579-3-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_nas_named(peer: Peer, aaa: Aaa) -> None:
    """Each Access-Request says which gateway it is from, and by which port of it the user comes."""
    must_get_in(peer, "RFC2865-4.1-3")
    for one in aaa.requests():
        named = one.packet.raw(4) or one.packet.raw(32) or one.packet.raw(95)
        peer.check(named, "NAS-IP-Address, NAS-IPv6-Address or NAS-Identifier", one.packet.words, "RFC2865-4.1-3")
        port = one.packet.raw(5) or one.packet.raw(87)
        peer.check(port, "NAS-Port or NAS-Port-Id", one.packet.words, "RFC3579-3-1")


@purpose(
    "aaa-one-proof", "RFC3579-3.3-1", "RFC2865-4.1-5", "RFC3579-3.1-2", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_one_proof(peer: Peer, aaa: Aaa) -> None:
    """An Access-Request with EAP has no password beside it, and one EAP packet only."""
    must_get_in(peer, "RFC3579-3.3-1")
    for one in aaa.requests():
        peer.check(not one.packet.raw(2) and not one.packet.raw(3), "no password", one.packet.words, "RFC3579-3.3-1")
        found = one.packet.eap or b""
        whole = len(found) >= 4 and int.from_bytes(found[2:4], "big") == len(found)
        begins = one.packet.eap == b"" and not one.packet.raw(24)
        peer.check(whole or begins, "one whole EAP packet, or EAP-Start", found.hex(), "RFC3579-3.1-2")


@purpose(
    "aaa-request-fresh", "RFC2865-4.1-6", "RFC2865-4.1-7", "RFC2865-3-4", "RFC2865-2.5-2", role="responder",
    needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_request_fresh(peer: Peer, aaa: Aaa) -> None:
    """Each new Access-Request has another Identifier than the one before, and an Authenticator that never came."""
    must_get_in(peer, "RFC2865-4.1-6")
    different = list({one.packet.octets: one.packet for one in aaa.requests()}.values())
    for before, now in pairwise(different):
        peer.check(before.identifier != now.identifier, "another Identifier", now.identifier, "RFC2865-4.1-6")
    number = len({one.authenticator for one in different})
    shown = f"{number} of {len(different)}"
    peer.check(number == len(different), "Authenticators that all differ", shown, "RFC2865-4.1-7")


@purpose(
    "aaa-state", "RFC2865-5.24-1", "RFC2865-4.4-3", role="responder", needs=ASKS, connection=SERVED, ordinary=True,
)  # fmt: skip
def test_state(peer: Peer, aaa: Aaa) -> None:
    """The State of each challenge, another one every time, comes back with the answer to it, unchanged."""
    aaa.notices += [b"please wait"] * 3
    must_get_in(peer, "RFC2865-5.24-1")
    said = dict.fromkeys(event.octets for event in aaa.server.events if event.way == "out")
    given = [one for octets in said for one in state_of(octets)]
    peer.check(len(set(given)) > 3, "several States", len(set(given)))
    asked = {one.packet.octets: one.packet for one in aaa.requests()}.values()
    back = [one.raw(24) for one in asked]
    expected = [[], *([one] for one in given[-(len(back) - 1) :])]
    peer.check(back == expected, "each State in the request that follows", words(back), "RFC2865-5.24-1")


def state_of(octets: bytes) -> list[bytes]:
    """The State in an answer."""
    return [value for kind, value in attributes(octets) if kind == 24]


def words(found: list[list[bytes]]) -> str:
    """Values in words."""
    return ", ".join(" and ".join(one.hex() for one in each) or "none" for each in found)
