"""Virtual links of IPv6: a prefix for each client, and how it goes on with it (RFC 5739)."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import covered, host
from conformance.script import bend, inner
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import (
    AUTH,
    CP,
    SA,
    CfgAttr,
    CfgAttribute,
    ExchangeType,
    Message,
    NotifyType,
    ProtocolID,
    TrafficSelector,
    TSi,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.configuration.clients import MANY, named
from suites.configuration.steps import A6, inner6, refused_address, requested, values, wanting, well_formed
from suites.connections import usual
from suites.create_child_sa.answers import carries, kept, successor
from suites.data_plane.steps import DATA, flows
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

LINKS = "fd78::/48"
LINKED = (Capability.IPV6_LINK,)
LINK, PREFIX = CfgAttribute.INTERNAL_IP6_LINK, CfgAttribute.INTERNAL_IP6_PREFIX
OURS = bytes.fromhex("0211223344556677")
_LINK_LOCAL = bytes.fromhex("fe80000000000000")


def giving(pixit: Pixit) -> Connection:
    """The device gives each client a link."""
    return usual(local_ts=("::/0",), remote_ts=inner6(pixit.device_networks), remote_links=LINKS)(pixit)


def giving_to_all(pixit: Pixit) -> Connection:
    """The same, and its clients reach each other."""
    behind = (*inner6(pixit.device_networks), LINKS)
    return usual(local_ts=("::/0",), remote_ts=behind, remote_links=LINKS)(pixit)


def asking(pixit: Pixit) -> Connection:
    """We give the device a link."""
    return usual(remote_ts=("::/0",), local_ts=inner6(pixit.tester_networks), local_links=LINKS)(pixit)


@dataclass(frozen=True, slots=True)
class Given:
    """A link that the device has given to one of our IKE SAs."""

    sa: ScriptedSa
    gateway: bytes
    id: bytes
    prefix: IPv6Network


def link_of(peer: Peer, sa: ScriptedSa, answer: Message, client: bytes = OURS) -> Given:
    """The link in an IKE_AUTH response: in the right form, out of the pool, and the Child SA for nothing else."""
    peer.expect(answer, AUTH)
    well_formed(peer, answer)
    links, prefixes = values(answer, LINK), [one for one in values(answer, PREFIX) if one]
    peer.check(len(links) == 1, "one INTERNAL_IP6_LINK", answer, "RFC5739-5.1-1")
    peer.check(len(links[0]) > 8, "an interface identifier and a Link ID", links[0].hex(), "RFC5739-5.1-1")
    peer.check(links[0][:8] != client, "another interface identifier than ours", links[0].hex(), "RFC5739-4.1-2")
    peer.check(prefixes, "an INTERNAL_IP6_PREFIX", answer, "RFC5739-5.2-1")
    found = [prefix_of(peer, one) for one in prefixes]
    inside = all(one.subnet_of(IPv6Network(LINKS)) for one in found)
    peer.check(inside, f"prefixes of {LINKS}", ", ".join(map(str, found)), "RFC5739-5.2-1")
    allowed = (host(_LINK_LOCAL + client), *(TrafficSelector.net(str(one)) for one in found))
    selectors = peer.expect(answer, TSi, "RFC5739-4.1-4")
    narrow = covered(selectors.selectors, allowed)
    peer.check(narrow, "the prefix and the link-local address as TSi", selectors, "RFC5739-4.1-4")
    return Given(sa, links[0][:8], links[0][8:], found[0])


def prefix_of(peer: Peer, value: bytes) -> IPv6Network:
    """A prefix with nothing behind it."""
    whole = IPv6Network((value[:16], value[16]), strict=False)
    peer.check(whole.network_address.packed == value[:16], "zeros behind the prefix", value.hex(), "RFC5739-5.2-2")
    return whole


def linked(peer: Peer, client: bytes = OURS, known: bytes = b"", *further: CfgAttr, number: int | None = None) -> Given:
    """An IKE SA with a link, perhaps under the name of one of several clients."""
    changes = {} if number is None else {"local": named(peer, number)}
    wish = wanting(CfgAttr(LINK, client + known), *further)
    sa, answer = requested(peer, wish, initial_contact=False, **changes)
    return link_of(peer, sa, answer, client)


# --- a gateway --------------------------------------------------------------------------------------------------------


@purpose(
    "cp-link", "RFC5739-4.1-4", "RFC5739-4.1-2", "RFC5739-5.1-1", "RFC5739-5.2-1", "RFC5739-5.2-2", role="responder",
    needs=LINKED, connection=giving, ordinary=True,
)  # fmt: skip
def test_link(peer: Peer) -> None:
    """A link is asked for: an identifier, a Link ID and a prefix come, and the Child SA is for the link alone."""
    kept(peer, linked(peer).sa, "RFC5739-4.1-4")


@purpose("cp-link-address", "RFC5739-4.1-1", role="responder", needs=LINKED, connection=giving)
def test_address(peer: Peer) -> None:
    """A link and an address are asked for, as older gateways know addresses only: there is a link, and no address."""
    sa, answer = requested(peer, wanting(CfgAttr(A6), CfgAttr(LINK, OURS)))
    link_of(peer, sa, answer)
    peer.check(not values(answer, A6), "no INTERNAL_IP6_ADDRESS", answer, "RFC5739-4.1-1")


@purpose("cp-link-identifier", "RFC5739-4.1-2", "RFC5739-4.1-3", role="responder", needs=LINKED, connection=giving)
def test_identifier(peer: Peer) -> None:
    """We want the identifier that the device had before: it takes another one, or says that there is no address."""
    first = linked(peer)
    sa, answer = requested(peer, wanting(CfgAttr(LINK, first.gateway)), initial_contact=False)
    if answer.first(SA) is None:
        refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, "RFC5739-4.1-3")
    else:
        link_of(peer, sa, answer, first.gateway)


@purpose("cp-link-zero", "RFC5739-4.1-3", role="responder", needs=LINKED, connection=giving)
def test_zero(peer: Peer) -> None:
    """An interface identifier of zero is asked for, the address of any router: it is refused, or there is a link."""
    sa, answer = requested(peer, wanting(CfgAttr(LINK, bytes(8))))
    if answer.first(SA) is None:
        refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, "RFC5739-4.1-3")
    else:
        link_of(peer, sa, answer, bytes(8))


@purpose("cp-link-two", "RFC5739-4.1-5", role="responder", needs=LINKED, connection=giving, device=MANY)
def test_two(peer: Peer) -> None:
    """Two clients have two prefixes, of which none has anything of the other."""
    first, second = linked(peer, number=1), linked(peer, number=2)
    apart = not first.prefix.overlaps(second.prefix)
    peer.check(apart, "another prefix", f"{first.prefix} and {second.prefix}", "RFC5739-4.1-5", bypass=True)
    peer.check(first.id != second.id, "another Link ID", second.id.hex(), "RFC5739-4.1-5")


@purpose("cp-link-again", "RFC5739-4.2-1", "RFC5739-5.1-1", role="responder", needs=LINKED, connection=giving)
def test_again(peer: Peer) -> None:
    """We authenticate again and name our link: its identifiers are the same."""
    first = linked(peer)
    second = linked(peer, OURS, first.id)
    same = (second.id, second.gateway) == (first.id, first.gateway)
    peer.check(same, "the same Link ID and identifier", f"{second.id.hex()}, {second.gateway.hex()}", "RFC5739-4.2-1")
    first.sa.delete()
    kept(peer, second.sa, "RFC5739-4.2-1")


@purpose(
    "cp-link-stranger", "RFC5739-4.2-1", "RFC5739-4.2-2", "RFC5739-4.1-5", role="responder", needs=LINKED,
    connection=giving, device=MANY,
)  # fmt: skip
def test_stranger(peer: Peer) -> None:
    """Another client names the link of the first one: it gets another link, with another prefix."""
    first = linked(peer, number=1)
    second = linked(peer, OURS, first.id, number=2)
    peer.check(second.id != first.id, "another Link ID", second.id.hex(), "RFC5739-4.2-2", bypass=True)
    apart = not first.prefix.overlaps(second.prefix)
    peer.check(apart, "another prefix", str(second.prefix), "RFC5739-4.2-1", bypass=True)


@purpose("cp-link-rekey", "RFC5739-4.1-7", "RFC5739-4.3-1", role="responder", needs=LINKED, connection=giving)
def test_rekey(peer: Peer) -> None:
    """We rekey the IKE SA, and then the Child SA, for all addresses and with the link: it is for the same prefix."""
    first = linked(peer)
    sa = successor(peer, first.sa)
    answer = sa.rekey_child(bend=bend.change(TSi, selectors=(TrafficSelector.net("::/0"),)))
    selectors = peer.expect(answer, TSi, "RFC5739-4.1-7")
    allowed = (host(_LINK_LOCAL + OURS), TrafficSelector.net(str(first.prefix)))
    peer.check(covered(selectors.selectors, allowed), f"{first.prefix} as before", selectors, "RFC5739-4.1-7")
    sa.must_be_up("RFC5739-4.1-7")


@purpose(
    "cp-link-rekeyed", "RFC5739-4.3-1", "RFC5739-5.3-1", role="responder", needs=(*LINKED, Capability.REKEY_CHILD),
    connection=giving,
)  # fmt: skip
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """The device rekeys the Child SA: its request says which link it is about."""
    first = linked(peer)
    dut.rekey_child()
    names_link(peer, first.sa.expect_request(ExchangeType.CREATE_CHILD_SA), first.id)


def names_link(peer: Peer, request: Received, link: bytes) -> None:
    """A request for a Child SA says which link it is about, in the right form."""
    notify = peer.expect_notify(request.message, NotifyType.LINK_ID, "RFC5739-4.3-1")
    fields = (notify.protocol, notify.spi)
    peer.check(fields == (ProtocolID.NONE, b""), "Protocol ID 0 and no SPI", fields, "RFC5739-5.3-1")
    peer.check(notify.data == link, f"the Link ID {link.hex()}", notify.data.hex(), "RFC5739-5.3-1")


@purpose(
    "cp-link-traffic", "RFC5739-4.1-6", "RFC5739-4.1-4", role="responder", needs=(*LINKED, DATA),
    connection=giving_to_all,
)  # fmt: skip
def test_traffic(peer: Peer) -> None:
    """A ping through the link is answered, and no address of the prefix is: these are all ours."""
    given = linked(peer)
    flows(peer, requirement="RFC5739-4.1-4")
    ours = given.sa.traffic.channel().ours
    with given.sa.traffic.silence("RFC5739-4.1-6"):
        for at in (0, 1, 2):
            given.sa.traffic.send(inner.ping(ours, str(given.prefix[at])))


# --- a client ---------------------------------------------------------------------------------------------------------


def link_asked(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received, Sequence[bytes]]:
    """The device opens an IKE SA and asks for a link: what it asks for. Its IKE_AUTH request is held."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    asked = peer.expect(request.message, CP, "RFC5739-5.1-1")
    return sa, request, [one.value for one in asked.attributes if one.type == LINK]


def given_to(sa: ScriptedSa) -> bytes:
    """The Link ID of the link that we have given. Raises Unexpected where the device has asked for none."""
    if sa.link is None:
        raise Unexpected("an INTERNAL_IP6_LINK of eight octets in the request", "none", "RFC5739-5.1-1")
    return sa.link.id


@purpose("cp-client-link", "RFC5739-5.1-1", "RFC5739-4.1-7", role="initiator", needs=LINKED, connection=asking)
def test_client(peer: Peer, dut: Dut) -> None:
    """A device that wants a link says which interface identifier it has, once, and takes the link."""
    sa, request, links = link_asked(peer, dut)
    peer.check(len(links) == 1, "one INTERNAL_IP6_LINK", request.message, "RFC5739-5.1-1")
    peer.check(len(links[0]) == 8, "an interface identifier, and no Link ID yet", links[0].hex(), "RFC5739-5.1-1")
    sa.answer(request)
    must_be_accepted_by(sa, "RFC5739-4.1-7")
    carries(peer, dut, sa.child, "RFC5739-4.1-7")


@purpose("cp-client-link-bits", "RFC5739-5.2-3", role="initiator", needs=LINKED, connection=asking)
def test_client_bits(peer: Peer, dut: Dut) -> None:
    """The prefix that the device gets has bits behind it: they do not count, and the Child SA is for the prefix."""
    sa, request, _ = link_asked(peer, dut)

    def dirty(one: CP) -> CP:
        filled = (
            CfgAttr(each.type, each.value[:8] + b"\xff" * 8 + each.value[16:]) if each.type == PREFIX else each
            for each in one.attributes
        )
        return CP(one.cfg_type, tuple(filled))

    sa.answer(request, bend=bend.replace(CP, dirty, "bits behind the prefix"))
    must_be_accepted_by(sa, "RFC5739-5.2-3")
    carries(peer, dut, sa.child, "RFC5739-5.2-3")


@purpose(
    "cp-client-link-rekey", "RFC5739-4.3-1", "RFC5739-5.3-1", role="initiator",
    needs=(*LINKED, Capability.REKEY_CHILD), connection=asking,
)  # fmt: skip
def test_client_rekey(peer: Peer, dut: Dut) -> None:
    """The device rekeys its Child SA: the request names the link as we have named it."""
    dut.initiate()
    sa = peer.accept()
    link = given_to(sa)
    dut.rekey_child()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    names_link(peer, request, link)
    sa.answer(request)
    sa.must_be_up("RFC5739-4.3-1")


@purpose(
    "cp-client-link-reauth", "RFC5739-5.1-1", role="initiator", needs=(*LINKED, Capability.REAUTH), connection=asking,
)  # fmt: skip
def test_client_reauth(peer: Peer, dut: Dut) -> None:
    """The device authenticates again and may name its link, or ask for a new one: what it names is what it has got."""
    dut.initiate()
    old = peer.accept()
    link = given_to(old)
    dut.reauthenticate()
    new = peer.respond_init(peer.expect_init())
    request = new.expect_request(ExchangeType.IKE_AUTH)
    asked = peer.expect(request.message, CP, "RFC5739-5.1-1")
    known = [one.value[8:] for one in asked.attributes if one.type == LINK]
    peer.check(known in ([b""], [link]), "its Link ID or none", known, "RFC5739-5.1-1")
    new.answer(request)
    must_be_accepted_by(new, "RFC5739-5.1-1")
