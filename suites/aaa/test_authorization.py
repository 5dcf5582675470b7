"""What an Access-Accept grants: addresses, name servers, time (RFC 2548, 2865)."""

from ipaddress import ip_network

from conformance.ike.core.sending import State
from conformance.radius import grant
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import CfgAttribute
from peers.capabilities import Capability
from suites.aaa.steps import ASKS, SERVED, TELLS, addresses, asking, assigned, must_end, must_get_in, must_not_get_in
from suites.create_child_sa.answers import successor
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"


@purpose("aaa-address", "RFC2865-5.8-1", role="responder", needs=ASKS, connection=SERVED)
def test_address(peer: Peer, aaa: Aaa) -> None:
    """The address in Framed-IP-Address is that which we get, and our side of the Child SA."""
    wanted = str(ip_network(aaa.server.pool)[77])
    aaa.server.granted = grant.address(wanted)
    sa = must_get_in(peer, "RFC2865-5.8-1")
    peer.check(assigned(sa) == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", assigned(sa), "RFC2865-5.8-1")
    ours = ", ".join(map(str, sa.child.local_ts))
    peer.check(ours == wanted, f"TSi {wanted}", ours, "RFC2865-5.8-1")


def left_open(peer: Peer, aaa: Aaa, special: str, requirement: str) -> None:
    """An address that stands for another one is never handed out: one of the device's pool is, or none."""
    aaa.server.granted = grant.address(special)
    sa = peer.sa()
    sa.init()
    sa.auth()
    if not sa.children:
        raise NotApplicable("it has no addresses of its own to choose from")
    peer.check(assigned(sa) != special, f"another address than {special}", assigned(sa), requirement)


@purpose("aaa-address-any", "RFC2865-5.8-2", role="responder", needs=ASKS, connection=SERVED)
def test_address_any(peer: Peer, aaa: Aaa) -> None:
    """Framed-IP-Address 255.255.255.254 lets the device choose; it is no address."""
    left_open(peer, aaa, "255.255.255.254", "RFC2865-5.8-2")


@purpose("aaa-address-own", "RFC2865-5.8-3", role="responder", needs=ASKS, connection=SERVED)
def test_address_own(peer: Peer, aaa: Aaa) -> None:
    """Framed-IP-Address 255.255.255.255 lets the user choose; it is no address."""
    left_open(peer, aaa, "255.255.255.255", "RFC2865-5.8-3")


# --- name servers -----------------------------------------------------------------------------------------------------


def must_be_told(peer: Peer, *servers: str) -> None:
    """These name servers must be in the CFG_REPLY, in this order."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(asking())
    sa.must_be_established()
    found = addresses(peer, answer, CfgAttribute.INTERNAL_IP4_DNS, "RFC2548-2.7-1")
    peer.check(found == list(servers), f"INTERNAL_IP4_DNS {', '.join(servers)}", ", ".join(found), "RFC2548-2.7-1")


@purpose(
    "aaa-dns", "RFC2548-2.7-1", role="responder", needs=(*ASKS, Capability.AAA_DNS), connection=SERVED,
)  # fmt: skip
def test_dns(peer: Peer, aaa: Aaa) -> None:
    """Two name servers in Microsoft's attributes come in the CFG_REPLY, where we ask for them, in their order."""
    aaa.server.granted = grant.dns("10.77.9.1", "10.77.9.2")
    must_be_told(peer, "10.77.9.1", "10.77.9.2")


@purpose(
    "aaa-dns-pair", "RFC2548-2.7-1", role="responder", needs=(*ASKS, Capability.AAA_DNS, Capability.CISCO_PAIRS),
    connection=SERVED,
)  # fmt: skip
def test_dns_pair(peer: Peer, aaa: Aaa) -> None:
    """Two name servers in the pair ipsec:dns-servers come in the CFG_REPLY in the same way."""
    aaa.server.granted = [grant.pair("dns-servers", "10.77.9.1 10.77.9.2")]
    must_be_told(peer, "10.77.9.1", "10.77.9.2")


# --- time -------------------------------------------------------------------------------------------------------------

SHORT = 4
"""Seconds of a session."""
LATER = 8.0
"""Seconds after its end by which a device has ended it: some look at their sessions now and then."""


@purpose(
    "aaa-session-timeout", "RFC2865-5.27-1", role="responder", needs=(*ASKS, Capability.SESSION_TIMEOUT),
    connection=SERVED, waits=SHORT + 2.0,
)  # fmt: skip
def test_session_timeout(peer: Peer, aaa: Aaa) -> None:
    """A session to which 4 seconds were granted is there for three, and is ended after them."""
    aaa.server.granted = [("Session-Timeout", SHORT)]
    sa = must_get_in(peer, "RFC2865-5.27-1")
    early = aaa.wait(lambda: sa.state is State.CLOSED, SHORT - 1.0)
    peer.check(not early, f"an IKE SA for {SHORT} s", "it was deleted before", "RFC2865-5.27-1")
    must_end(peer, aaa, sa, "RFC2865-5.27-1", LATER)


@purpose(
    "aaa-session-timeout-rekeyed", "RFC2865-5.27-1", role="responder", needs=(*ASKS, Capability.SESSION_TIMEOUT),
    connection=SERVED, waits=SHORT + 2.0,
)  # fmt: skip
def test_session_timeout_rekeyed(peer: Peer, aaa: Aaa) -> None:
    """A session to which 4 seconds were granted does not last longer for a rekey of its IKE SA."""
    aaa.server.granted = [("Session-Timeout", SHORT)]
    sa = successor(peer, must_get_in(peer, "RFC2865-5.27-1"))
    must_end(peer, aaa, sa, "RFC2865-5.27-1", SHORT + LATER)


@purpose(
    "aaa-idle-timeout", "RFC2865-5.28-1", role="responder", needs=(*ASKS, Capability.IDLE_TIMEOUT), connection=SERVED,
    waits=SHORT + 2.0,
)  # fmt: skip
def test_idle_timeout(peer: Peer, aaa: Aaa) -> None:
    """A session in which nothing is carried for 4 seconds is ended; liveness checks of IKE are no traffic."""
    aaa.server.granted = [("Idle-Timeout", SHORT)]
    sa = must_get_in(peer, "RFC2865-5.28-1")
    early = aaa.wait(lambda: sa.state is State.CLOSED, SHORT - 1.0)
    peer.check(not early, f"an IKE SA for {SHORT} s", "it was deleted before", "RFC2865-5.28-1")
    sa.liveness()
    must_end(peer, aaa, sa, "RFC2865-5.28-1", LATER)


@purpose("aaa-reject-untold", "RFC2866-2-1", role="responder", needs=TELLS, connection=SERVED)
def test_reject_untold(peer: Peer, aaa: Aaa) -> None:
    """Of somebody who was refused no session is told."""
    aaa.server.refusing = True
    before = aaa.server.ledger.sessions
    must_not_get_in(peer, aaa, "RFC3579-2.1-1")
    peer.idle(0.5)
    new = [one for one in aaa.server.ledger.sessions if one not in before]
    bare = [one for one in new if not aaa.records(one)[0].address]
    # The control that follows comes in. Where no session is told of with an address, one of them is that.
    right = len(bare) <= (len(bare) == len(new))
    peer.check(right, "no Accounting-Request of a session that was refused", f"{len(new)} sessions", "RFC2866-2-1")
