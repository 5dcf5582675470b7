"""Cookies on other paths, and cookies that somebody else was given, or long ago (RFC 7296, section 2.6)."""

from contextlib import suppress
from dataclasses import replace

from conformance.net.link import Address
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import SA, Message, Notify, NotifyType
from peers.capabilities import Capability
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import finish, normal
from suites.ike_sa_init.test_cookies import ALWAYS
from suites.purpose import purpose

NEEDS = (Capability.COOKIE_ALWAYS,)
IGNORED, ADDRESS, SPI, RETURNED = "RFC7296-2.6-13", "RFC7296-2.6-15", "RFC7296-2.6-16", "RFC7296-2.6-8"
FRAGMENT = 150
"""Octets of an IP datagram into which a third of our IKE_AUTH request fits."""
OLD = 12.0
"""Seconds after which some devices make another secret."""


def asked(peer: Peer, sa: ScriptedSa) -> tuple[Message, Notify]:
    """The response by which the device asks for a cookie, and that cookie."""
    challenge = sa.init(follow=False)
    with peer.preamble("the device asks for a cookie"):
        return challenge, peer.expect_notify(challenge, NotifyType.COOKIE)


def through(peer: Peer, sa: ScriptedSa) -> None:
    """IKE_SA_INIT with a cookie, then IKE_AUTH."""
    challenge, _ = asked(peer, sa)
    normal(peer, sa.obey(challenge), IGNORED)
    sa.auth()
    sa.must_be_established(IGNORED)


@purpose("init-cookie-other-address", IGNORED, ADDRESS, role="responder", needs=NEEDS, device=ALWAYS)
def test_other_address(peer: Peer, dut: Dut) -> None:
    """The same request with the same cookie comes from another address, which has not shown that it gets anything."""
    if dut.pixit.tester_spare is None or dut.nat is not None:  # the spare address of a NAT is not ours
        raise NotApplicable("we have no other address")
    other = Address(dut.pixit.tester_spare, peer.local.port)
    sa = peer.sa()
    challenge, cookie = asked(peer, sa)
    assert sa.last_sent is not None
    request = sa.last_sent.message
    stolen = peer.send_message(replace(request, payloads=(cookie, *request.payloads)), source=other)

    def from_there() -> list[Message]:
        return [one.message for one in peer.inbox if one.destination == other]

    try:
        peer.wait(
            lambda found: found.destination == other,
            "an answer",
            again=lambda: peer.send_raw(stolen.datagrams[0], other),
        )
    except Unexpected:
        peer.note("no answer to the other address")
    made = [one for one in from_there() if one.first(SA)]
    peer.check(not made, "no SA payload for a cookie of another address", made[0] if made else "", ADDRESS)
    normal(peer, sa.obey(challenge), IGNORED)
    finish(sa)


@purpose("init-cookie-other-spi", IGNORED, SPI, role="responder", needs=NEEDS, device=ALWAYS)
def test_other_spi(peer: Peer) -> None:
    """A cookie that was given to one IKE SA of ours comes with another one, of the same nonce: it counts as none.

    Otherwise a single cookie would do for any number of half-open IKE SAs.
    """
    first, second = peer.sa(), peer.sa()
    challenge, cookie = asked(peer, first)
    second.nonce_i, second.cookie = first.nonce_i, cookie.data
    with suppress(Unexpected):  # it may be silent
        second.init(follow=False)
    made = [one for one in peer.inbox if one.sa is second and one.message.first(SA)]
    peer.check(not made, "no SA payload for a cookie of another SPI", "; ".join(map(str, made)), SPI)
    normal(peer, first.obey(challenge), IGNORED)
    finish(first)


@purpose("init-cookie-old", IGNORED, "RFC7296-2.6-12", role="responder", needs=NEEDS, device=ALWAYS, waits=OLD)
def test_old(peer: Peer) -> None:
    """A cookie is returned after twelve seconds, when its secret may be old: it is taken, or there is a new one."""
    sa = peer.sa()
    challenge, _ = asked(peer, sa)
    sa.pending = None
    peer.idle(OLD)
    answer = sa.obey(challenge)
    if answer.notify(NotifyType.COOKIE):
        answer = sa.obey(answer)
    normal(peer, answer, IGNORED)
    sa.auth()
    sa.must_be_established(IGNORED)


@purpose(
    "init-cookie-ipv6", IGNORED, "RFC7296-2.11-4", role="responder", ordinary=True, needs=(*NEEDS, Capability.IPV6),
    connection=usual(ipv6=True), device=ALWAYS,
)  # fmt: skip
def test_ipv6(peer: Peer) -> None:
    """A cookie is asked for and taken over IPv6."""
    through(peer, peer.sa())


@purpose(
    "init-cookie-port-4500", IGNORED, "RFC7296-3.1-3", role="responder", needs=(*NEEDS, Capability.NAT_T),
    device=ALWAYS,
)  # fmt: skip
def test_port_4500(peer: Peer) -> None:
    """A cookie is asked for and taken on port 4500, behind the four zero octets."""
    here = Address(peer.local.host, peer.connection.local_ports[1])
    there = Address(peer.remote.host, peer.connection.remote_ports[1])
    through(peer, peer.new_sa(peer.connection, initiator=True, local=here, remote=there))


@purpose(
    "init-cookie-fragments", "RFC7383-2.6-7", IGNORED, role="responder", needs=(*NEEDS, Capability.FRAGMENTATION),
    device=ALWAYS,
)  # fmt: skip
def test_fragments(peer: Peer) -> None:
    """After a cookie fragmentation is agreed on as ever: an IKE_AUTH request in fragments completes the handshake."""
    through(peer, peer.sa(fragment_size=FRAGMENT))
