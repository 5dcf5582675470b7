"""A peer announces networks by CFG_SET to a device that has not been told to take any: what must stay as it was.

A FlexVPN router does that with whoever it has a Child SA with. RFC 7296, section 3.15.1, lets a device ignore CFG_SET.
It gives nobody the right to move traffic, or to send from addresses that were not agreed upon in TSi and TSr.
"""

from collections.abc import Callable
from ipaddress import ip_network

from conformance.ike.core.selectors import covered, selectors
from conformance.ike.core.subnets import subnet
from conformance.script import bend, inner
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, SA, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from suites.configuration.exchanges import ACCEPTED, NOT_ACCEPTED, acknowledged
from suites.configuration.steps import INNER, VALID, serving
from suites.connections import Role
from suites.create_child_sa.answers import kept
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"
EMPTY = "RFC7296-3.15.1-19"
SELECTORS = "RFC4301-5.2-3"
POLICY = "RFC7296-5.1-1"
LEAVES = "RFC4301-5.1-1"
ELSEWHERE = "10.8.0.0/16"
"""A network that no connection here is for."""
VERSION = CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec")

# --- steps ------------------------------------------------------------------------------------------------------------


def begun(peer: Peer, dut: Dut, role: Role) -> ScriptedSa:
    """An IKE SA of the device as initiator or as responder, with a Child SA."""
    if role == "responder":
        return peer.establish()
    dut.initiate()
    return peer.accept()


def announced(peer: Peer, sa: ScriptedSa, *networks: str) -> list[CfgAttribute]:
    """What the device has acknowledged of these networks, which FlexVPN sends along with its version."""
    given = (*map(subnet, networks), VERSION)
    return acknowledged(peer, given, sa.informational(CP(CfgType.SET, given)))


def around(address: str | None) -> list[str]:
    """An outer address as a prefix, and a network with it and many others; none if it is not of IPv4."""
    if address is None or ":" in address:
        return []
    return [f"{address}/32", str(ip_network(f"{address}/16", strict=False))]


def ends(peer: Peer) -> list[str]:
    """The networks in which the outer addresses of the tunnel are, the default route last."""
    both = (peer.connection.local_address, peer.connection.remote_address)
    return [*dict.fromkeys(one for address in both for one in around(address)), "0.0.0.0/0"]


def stays(
    identifier: str, title: str, role: Role, test: Callable[[Peer, Dut, ScriptedSa], None], *requirements: str,
    needs: tuple[Capability, ...] = (),
) -> object:  # fmt: skip
    """A purpose of the device in one of its roles."""

    def begins(peer: Peer, dut: Dut) -> None:
        test(peer, dut, begun(peer, dut, role))

    begins.__doc__ = title
    return purpose(identifier, *requirements, role=role, needs=needs)(begins)


# --- the exchange -----------------------------------------------------------------------------------------------------


def answers(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """Networks of both families and a version, twice."""
    for _ in range(2):
        announced(peer, sa, "10.1.0.1/32", ELSEWHERE, "fd08::/64")
    sa.must_be_up(EMPTY)


test_initiator = stays(
    "cp-set-subnets-initiator", "A responder announces networks by CFG_SET: acknowledged or ignored, the IKE SA lives.",
    "initiator", answers, ACCEPTED, NOT_ACCEPTED, EMPTY,
)  # fmt: skip


# --- selectors --------------------------------------------------------------------------------------------------------


def in_policy(peer: Peer, dut: Dut, message: Message, local: type[TSi] | type[TSr]) -> None:
    """The selectors of a message are the device's own: ``local`` is the payload of its side."""
    policy = dut.connection.children[0]
    for kind in (TSi, TSr):
        found = peer.expect(message, kind, POLICY)
        allowed = selectors(policy.local_ts if kind is local else policy.remote_ts)
        inside = bool(found.selectors) and covered(found.selectors, allowed)
        peer.check(inside, f"{kind.__name__} within its policy", found, POLICY, bypass=True)


def wider(*more: TrafficSelector) -> Bend:
    """TSi has the announced network, too."""
    return bend.replace(TSi, lambda one: TSi((*one.selectors, *more)), f"TSi with {ELSEWHERE} as well")


def unless_refused(peer: Peer, dut: Dut, answer: Message) -> None:
    """No new Child SA, or one within the device's policy."""
    if answer.first(SA) is None:
        peer.check(any(answer.notifies()), "an error notify, or a Child SA", answer, "RFC7296-2.9-6")
        return
    in_policy(peer, dut, answer, TSr)


@purpose("cp-set-rekey-child", POLICY, "RFC7296-2.9-3", EMPTY, role="responder")
def test_rekey_child(peer: Peer, dut: Dut) -> None:
    """We announce a network, and rekey the Child SA for this, too: it is for what the device is configured for.

    It may as well refuse the rekey.
    """
    sa = peer.establish()
    announced(peer, sa, ELSEWHERE)
    unless_refused(peer, dut, sa.rekey_child(bend=wider(*selectors((ELSEWHERE,)))))
    kept(peer, sa, EMPTY)


@purpose("cp-set-new-child", POLICY, "RFC7296-2.9-6", EMPTY, role="responder")
def test_new_child(peer: Peer, dut: Dut) -> None:
    """We announce a network, and ask for a Child SA from there: there is none, whatever was acknowledged."""
    sa = peer.establish()
    announced(peer, sa, ELSEWHERE)
    answer = sa.create_child(bend=bend.change(TSi, selectors=selectors((ELSEWHERE,))))
    given = answer.first(SA) is not None
    peer.check(not given, "no Child SA for an announced network", answer.first(TSi) or answer, POLICY, bypass=True)
    peer.check(any(answer.notifies()), "an error notify", answer, "RFC7296-2.9-6")
    kept(peer, sa, EMPTY)


@purpose("cp-set-rekeys-child", POLICY, EMPTY, role="initiator", needs=(Capability.REKEY_CHILD,))
def test_rekeys_child(peer: Peer, dut: Dut) -> None:
    """We announce a network, and the device rekeys its Child SA: it offers what it is configured for, not that."""
    dut.initiate()
    sa = peer.accept()
    announced(peer, sa, ELSEWHERE)
    dut.rekey_child()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    in_policy(peer, dut, request.message, TSi)
    sa.answer(request)
    kept(peer, sa, EMPTY)


# --- traffic ----------------------------------------------------------------------------------------------------------


def flows_on(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """The device's own networks and the default route: what goes through the Child SA goes through it afterwards."""
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    announced(peer, sa, *(one for one in peer.connection.children[0].remote_ts if ":" not in one), "0.0.0.0/0")
    sa.traffic.ping(requirement=LEAVES)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")
    sa.must_be_up(EMPTY)


def own_ends(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """The outer addresses of the tunnel: it does not go into itself, and carries what it did."""
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    announced(peer, sa, *ends(peer))
    with sa.traffic.silence(LEAVES):
        sa.liveness()
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")
    sa.must_be_up(EMPTY)


def outside(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """Packets from the announced network through the Child SA, which is not for them."""
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    announced(peer, sa, ELSEWHERE)
    behind = sa.traffic.channel().theirs
    with sa.traffic.silence(SELECTORS, bypass=True):
        for host in (1, 258):
            sa.traffic.send(inner.ping(str(ip_network(ELSEWHERE)[host]), behind))
    sa.must_be_up(EMPTY)


_ROLES: tuple[tuple[Role, str, str], ...] = (
    ("responder", "", "An initiator"),
    ("initiator", "-initiator", "A responder"),
)


def in_both(
    name: str, words: str, test: Callable[[Peer, Dut, ScriptedSa], None], *requirements: str
) -> tuple[object, ...]:
    """A purpose about traffic in each role of the device."""
    return tuple(
        stays(name + suffix, f"{who} {words}", role, test, *requirements, needs=(DATA,)) for role, suffix, who in _ROLES
    )


test_traffic, test_traffic_initiator = in_both(
    "cp-set-traffic", "announces what is behind it and the default route by CFG_SET: traffic goes on as before.",
    flows_on, LEAVES, "RFC4301-4.4.1-2", EMPTY,
)  # fmt: skip
test_own_ends, test_own_ends_initiator = in_both(
    "cp-set-own-ends", "announces the outer addresses of the tunnel by CFG_SET: it does not go into itself.",
    own_ends, LEAVES, "RFC4301-4.4.1-2", EMPTY,
)  # fmt: skip
test_outside, test_outside_initiator = in_both(
    "cp-set-outside", "announces a network by CFG_SET: what comes from there on a Child SA for others is dropped.",
    outside, SELECTORS, EMPTY,
)  # fmt: skip


@purpose("cp-set-own-address", VALID, EMPTY, role="responder", needs=(*INNER, DATA), connection=serving())
def test_own_address(peer: Peer) -> None:
    """A client announces by CFG_SET the very address that it has been assigned, as FlexVPN does: it is reached there.

    Some gateways have no other route to their clients. Those that ignore CFG_SET must have one.
    """
    sa = peer.establish()
    address = sa.virtual_address
    assert address is not None
    announced(peer, sa, f"{'.'.join(map(str, address))}/32")
    sa.traffic.ping(requirement=VALID)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")
    sa.must_be_up(EMPTY)
