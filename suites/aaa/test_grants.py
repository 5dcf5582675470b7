"""What an Access-Accept grants beyond one address: netmasks, IPv6, pools, networks, limits (RFC 2865, 2869, 6911)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.sending import State
from conformance.ike.core.subnets import network_of, subnet
from conformance.radius import grant
from conformance.radius.packet import Attribute
from conformance.script import bend as script
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, NotifyType
from peers.capabilities import Capability
from suites.aaa.steps import ASKS, SERVED, TELLS, addresses, asking, assigned, in_text, must_get_in, stopped
from suites.connections import by_aaa
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

A4, A6 = CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS
SUBNET = CfgAttribute.INTERNAL_IP4_SUBNET
PAIRS = (*ASKS, Capability.CISCO_PAIRS)
ADDRESS, TOLD = "RFC2865-5.8-1", "RFC7296-3.15.1-24"


def granted(peer: Peer, *kinds: CfgAttribute) -> tuple[ScriptedSa, Message]:
    """We get in, and ask for these beside an address; the last response comes along."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(asking(*kinds))
    sa.must_be_established()
    return sa, answer


# --- addresses --------------------------------------------------------------------------------------------------------


@purpose(
    "aaa-netmask", "RFC2865-5.9-1", ADDRESS, role="responder", needs=(*ASKS, Capability.AAA_NETMASK), connection=SERVED,
)  # fmt: skip
def test_netmask(peer: Peer, aaa: Aaa) -> None:
    """The netmask beside the address comes in the CFG_REPLY, once, where we ask for it."""
    wanted = str(ip_network(aaa.server.pool)[77])
    aaa.server.granted = grant.address(wanted, "255.255.255.0")
    sa, answer = granted(peer, CfgAttribute.INTERNAL_IP4_NETMASK)
    peer.check(assigned(sa) == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", assigned(sa), ADDRESS)
    found = addresses(peer, answer, CfgAttribute.INTERNAL_IP4_NETMASK, "RFC2865-5.9-1")
    peer.check(found == ["255.255.255.0"], "INTERNAL_IP4_NETMASK 255.255.255.0", ", ".join(found), "RFC2865-5.9-1")


@purpose("aaa-address-wish", ADDRESS, role="responder", needs=ASKS, connection=SERVED)
def test_wish(peer: Peer, aaa: Aaa) -> None:
    """Whoever would like another address than that which is granted gets the one that is granted."""
    wanted, wished = str(ip_network(aaa.server.pool)[77]), ip_network(aaa.server.pool)[78]
    aaa.server.granted = grant.address(wanted)
    sa = peer.sa()
    sa.init()
    sa.auth(script.change(CP, attributes=(CfgAttr(A4, wished.packed),)))
    sa.must_be_established(ADDRESS)
    peer.check(assigned(sa) == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", assigned(sa), ADDRESS)


@purpose("aaa-address-unasked", "RFC7296-2.19-8", role="responder", needs=ASKS, connection=SERVED)
def test_unasked(peer: Peer, aaa: Aaa) -> None:
    """Whoever asks for no address is told of none, whatever is granted to him. Whether he gets in is policy."""
    aaa.server.granted = grant.address(str(ip_network(aaa.server.pool)[77]))
    sa = peer.sa()
    sa.init()
    answer = sa.auth(script.drop(CP))
    peer.check(answer.first(CP) is None, "no CP payload", answer, "RFC7296-2.19-8")


@purpose(
    "aaa-address-again", ADDRESS, "RFC2866-2-1", role="responder", needs=TELLS, connection=SERVED,
)  # fmt: skip
def test_again(peer: Peer, aaa: Aaa) -> None:
    """Two users who are granted the same address one after the other get it, and none of them what is the other's."""
    wanted = str(ip_network(aaa.server.pool)[77])
    aaa.server.granted = grant.address(wanted)
    for _ in range(2):
        sa = must_get_in(peer, ADDRESS)
        peer.check(assigned(sa) == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", assigned(sa), ADDRESS)
        session = aaa.session(sa)
        sa.delete()
        stopped(peer, aaa, session)


BOTH = by_aaa(remote_pool6="fd77:9::/64", local_ts=("0.0.0.0/0", "::/0"))
SIX = "fd77:9::77"


def must_have_six(peer: Peer, aaa: Aaa, *further: Attribute, prefix: int | None = None) -> None:
    """We ask for addresses of both families, and get those that are granted."""
    four = str(ip_network(aaa.server.pool)[77])
    aaa.server.granted = [*grant.address(four), *further]
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    sa.must_be_established("RFC6911-3.1-1")
    payload = peer.expect(answer, CP, "RFC6911-3.1-1")
    found = [one.value for one in payload.attributes if one.type == A6]
    shown = ", ".join(str(ip_address(one[:16])) for one in found)
    right = [one[:16] for one in found] == [ip_address(SIX).packed]
    peer.check(right, f"INTERNAL_IP6_ADDRESS {SIX}", shown or "none", "RFC6911-3.1-1")
    if prefix is not None:
        length = found[0][16:]
        peer.check(length == bytes((prefix,)), f"a prefix of {prefix} bits", length.hex(), "RFC6911-3.1-1")


@purpose(
    "aaa-address6", "RFC6911-3.1-1", role="responder", needs=(*ASKS, Capability.AAA_ADDRESS6), connection=BOTH,
)  # fmt: skip
def test_address6(peer: Peer, aaa: Aaa) -> None:
    """The addresses in Framed-IP-Address and Framed-IPv6-Address are those that we get, side by side."""
    must_have_six(peer, aaa, ("Framed-IPv6-Address", SIX))


@purpose(
    "aaa-address6-pair", "RFC6911-3.1-1", role="responder",
    needs=(*ASKS, Capability.AAA_ADDRESS6, Capability.CISCO_PAIRS), connection=BOTH,
)  # fmt: skip
def test_address6_pair(peer: Peer, aaa: Aaa) -> None:
    """The address in the pair ipsec:addrv6 comes with the length of prefix that ipsec:prefix-len says."""
    must_have_six(peer, aaa, grant.pair("addrv6", SIX), grant.pair("prefix-len", "112"), prefix=112)


@purpose(
    "aaa-dns6", "RFC6911-3.2-1", role="responder", needs=(*ASKS, Capability.AAA_ADDRESS6, Capability.AAA_DNS),
    connection=SERVED,
)  # fmt: skip
def test_dns6(peer: Peer, aaa: Aaa) -> None:
    """Two name servers with IPv6 addresses come in the CFG_REPLY, in their order."""
    servers = ["fd77:9::53", "fd77:9::54"]
    aaa.server.granted = [("DNS-Server-IPv6-Address", one) for one in servers]
    _, answer = granted(peer, CfgAttribute.INTERNAL_IP6_DNS)
    found = addresses(peer, answer, CfgAttribute.INTERNAL_IP6_DNS, "RFC6911-3.2-1")
    peer.check(found == servers, f"INTERNAL_IP6_DNS {', '.join(servers)}", ", ".join(found), "RFC6911-3.2-1")


@purpose(
    "aaa-nbns", "RFC2548-2.7-2", role="responder", needs=(*ASKS, Capability.AAA_NBNS), connection=SERVED,
)  # fmt: skip
def test_nbns(peer: Peer, aaa: Aaa) -> None:
    """Two NetBIOS name servers come in the CFG_REPLY, in their order."""
    aaa.server.granted = [("MS-Primary-NBNS-Server", "10.77.9.5"), ("MS-Secondary-NBNS-Server", "10.77.9.6")]
    must_have_nbns(peer)


@purpose(
    "aaa-nbns-pair", "RFC2548-2.7-2", role="responder", needs=(*PAIRS, Capability.AAA_NBNS), connection=SERVED,
)  # fmt: skip
def test_nbns_pair(peer: Peer, aaa: Aaa) -> None:
    """Two NetBIOS name servers in the pair ipsec:wins-servers come in the same way."""
    aaa.server.granted = [grant.pair("wins-servers", "10.77.9.5 10.77.9.6")]
    must_have_nbns(peer)


def must_have_nbns(peer: Peer) -> None:
    """Both name servers must be in the CFG_REPLY."""
    _, answer = granted(peer, CfgAttribute.INTERNAL_IP4_NBNS)
    found = addresses(peer, answer, CfgAttribute.INTERNAL_IP4_NBNS, "RFC2548-2.7-2")
    both = ["10.77.9.5", "10.77.9.6"]
    peer.check(found == both, f"INTERNAL_IP4_NBNS {', '.join(both)}", ", ".join(found), "RFC2548-2.7-2")


@purpose(
    "aaa-dns-more", "RFC2548-2.7-1", role="responder", needs=(*PAIRS, Capability.AAA_DNS), connection=SERVED,
)  # fmt: skip
def test_dns_more(peer: Peer, aaa: Aaa) -> None:
    """Of a pair of name servers with something between that is no address the addresses are told, or nobody gets in."""
    aaa.server.granted = [grant.pair("dns-servers", "10.77.9.1 nonsense 999.1.1.1 10.77.9.2")]
    sa = peer.sa()
    sa.init()
    answer = sa.auth(asking())
    if not sa.children:
        raise NotApplicable("it refuses a grant that it cannot read")
    found = addresses(peer, answer, CfgAttribute.INTERNAL_IP4_DNS, "RFC2548-2.7-1")
    wrong = [one for one in found if one not in ("10.77.9.1", "10.77.9.2")]
    peer.check(not wrong, "no address that nobody has granted", ", ".join(wrong), "RFC2548-2.7-1")
    sa.must_be_up("RFC2548-2.7-1")


# --- pools ------------------------------------------------------------------------------------------------------------

POOLS = {"named_pools": (("gold", "10.78.1.0/24"), ("silver", "10.78.2.0/24"))}
NAMED = (*ASKS, Capability.AAA_POOLS, Capability.CONFIGURABLE)


def chosen(aaa: Aaa, name: str) -> None:
    """The device is to take an address of this pool."""
    aaa.server.granted = [("Framed-Pool", name), *grant.address("255.255.255.254")]


@purpose("aaa-pool", "RFC2869-5.18-1", role="responder", needs=NAMED, connection=SERVED, device=POOLS)
def test_pool(peer: Peer, aaa: Aaa) -> None:
    """Users whose Framed-Pool names different pools of the device get addresses of these, each another one."""
    given = []
    for name, prefix in (("gold", "10.78.1.0/24"), ("silver", "10.78.2.0/24"), ("gold", "10.78.1.0/24")):
        chosen(aaa, name)
        sa = must_get_in(peer, "RFC2869-5.18-1")
        found = assigned(sa)
        inside = bool(found) and ip_address(found) in ip_network(prefix)
        peer.check(inside, f"an address of {prefix}", found or "none", "RFC2869-5.18-1")
        given.append((sa, found))
    held = [found for sa, found in given if sa.state is State.ESTABLISHED]  # a device may keep one session of a user
    peer.check(len(set(held)) == len(held), "an address for each", ", ".join(held), "RFC2869-5.18-1")


@purpose("aaa-pool-unknown", "RFC2869-5.18-1", role="responder", needs=NAMED, connection=SERVED, device=POOLS)
def test_pool_unknown(peer: Peer, aaa: Aaa) -> None:
    """Of a pool that nobody has there are no addresses: the user is refused, and gets none of the other pools."""
    chosen(aaa, "bronze")
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    got = ", ".join(in_text(one.value) for cp in answer.all(CP) for one in cp.attributes if one.type == A4)
    peer.check(not got and not sa.children, "no address and no Child SA", got or answer, "RFC2869-5.18-1")


@purpose("aaa-pool-beside", ADDRESS, role="responder", needs=NAMED, connection=SERVED, device=POOLS)
def test_pool_beside(peer: Peer, aaa: Aaa) -> None:
    """An address that is granted beside the name of a pool goes before any other of that pool."""
    aaa.server.granted = [("Framed-Pool", "gold"), *grant.address("10.78.1.77")]
    found = assigned(must_get_in(peer, ADDRESS))
    peer.check(found == "10.78.1.77", "INTERNAL_IP4_ADDRESS 10.78.1.77", found or "none", ADDRESS)


# --- networks ---------------------------------------------------------------------------------------------------------


def networks(peer: Peer, answer: Message) -> list[str]:
    """The networks in a CFG_REPLY, by their prefixes."""
    payload = peer.expect(answer, CP, TOLD)
    return [str(network_of(one)) for one in payload.attributes if one.type == SUBNET]


@purpose("aaa-routes", TOLD, role="responder", needs=PAIRS, connection=SERVED)
def test_routes(peer: Peer, aaa: Aaa) -> None:
    """Three networks in pairs ipsec:route-set, one of them twice, come as INTERNAL_IP4_SUBNET, each once."""
    prefixes = ["10.79.1.0/24", "10.79.2.0/25", "10.79.3.3/32"]
    aaa.server.granted = [grant.pair("route-set", f"prefix {one}") for one in (*prefixes, prefixes[0])]
    _, answer = granted(peer, SUBNET)
    found = networks(peer, answer)
    once = all(found.count(one) == 1 for one in prefixes)
    peer.check(once, f"{', '.join(prefixes)}, each once", ", ".join(found), TOLD)


@purpose("aaa-routes-many", TOLD, role="responder", needs=PAIRS, connection=SERVED)
def test_routes_many(peer: Peer, aaa: Aaa) -> None:
    """Eighty networks, with which the response is too large for some paths, come whole."""
    prefixes = [f"10.79.{number}.0/24" for number in range(80)]
    aaa.server.granted = [grant.pair("route-set", f"prefix {one}") for one in prefixes]
    _, answer = granted(peer, SUBNET)
    missing = set(prefixes) - set(networks(peer, answer))
    peer.check(not missing, "80 networks", f"{len(missing)} are missing", TOLD)


ROUTED = (*PAIRS, Capability.ROUTE_EXCHANGE)
TAKES = {"remote_routes": ("10.8.0.0/16",)}


def acknowledged(peer: Peer, sa: ScriptedSa) -> list[CfgAttribute]:
    """What the device takes of a network that we announce."""
    answer = sa.informational(CP(CfgType.SET, (subnet("10.8.0.0/16"),)))
    return [CfgAttribute(one.type) for cp in answer.all(CP) for one in cp.attributes]


@purpose(
    "aaa-routes-accepted", "RFC7296-3.15.1-16", role="responder", needs=ROUTED, connection=SERVED, device=TAKES,
)  # fmt: skip
def test_routes_accepted(peer: Peer, aaa: Aaa) -> None:
    """With the pair ipsec:route-accept=any the networks that we announce are taken, with =none they are not."""
    for word, taken in (("any", True), ("none", False)):
        aaa.server.granted = [grant.pair("route-accept", word)]
        sa = must_get_in(peer, "RFC7296-3.15.1-16")
        found = SUBNET in acknowledged(peer, sa)
        peer.check(found is taken, f"INTERNAL_IP4_SUBNET {'' if taken else 'not '}accepted", word, "RFC7296-3.15.1-16")
        sa.delete()


# --- limits -----------------------------------------------------------------------------------------------------------


@purpose(
    "aaa-flow-limit", "RFC7296-1.3-9", role="responder",
    needs=(*PAIRS, Capability.MULTIPLE_CHILDREN, Capability.REKEY_CHILD, Capability.CHILD_LIMIT),
    connection=by_aaa(),
)  # fmt: skip
def test_flow_limit(peer: Peer, aaa: Aaa) -> None:
    """With the pair ipsec:ipsec-flow-limit=2 there are two Child SAs: a third one gets NO_ADDITIONAL_SAS.

    A rekey is none more, and where one is deleted there is room for another one.
    """
    aaa.server.granted = [grant.pair("ipsec-flow-limit", "2")]
    sa = must_get_in(peer, "RFC7296-1.3-9")
    first = sa.child
    sa.create_child()
    peer.check(len(sa.children) == 2, "a second Child SA", sa.problem or "none", "RFC7296-1.3-9")
    sa.rekey_child(first)
    peer.check(first.replaced_by is not None, "the first one rekeyed", sa.problem or "no", "RFC7296-1.3-9")
    sa.delete_child(first)
    sa.delete_child(sa.children[0])
    before = len(sa.children)
    sa.create_child()
    peer.check(len(sa.children) == before + 1, "another Child SA", sa.problem or "none", "RFC7296-1.3-9")
    peer.expect_notify(sa.create_child(), NotifyType.NO_ADDITIONAL_SAS, "RFC7296-1.3-9")
