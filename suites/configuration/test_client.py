"""Devices that ask for inner addresses: what they ask, and what they make of the answer (RFC 7296, 2.19 and 3.15)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.ike.core.subnets import subnet
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import CP, SA, CfgAttr, CfgAttribute, CfgType, ExchangeType, Notify, NotifyType, TSi, TSr
from peers.capabilities import Capability
from peers.contract import SaState
from suites.configuration.client import D, adding, opened, right_form, takes
from suites.configuration.exchanges import acknowledged
from suites.configuration.steps import (
    A4,
    A6,
    IGNORED,
    INNER,
    INNER6,
    LENGTHS,
    VALID,
    asking,
    asking6,
    asking_both,
    packed,
    well_formed,
)
from suites.connections import Setup
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.ike_auth.refusal import refuses, requests
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

REQUIRED = "RFC7296-3.15.4-9"
SURVIVES = "RFC7296-2.21.2-6"


# --- what it asks -----------------------------------------------------------------------------------------------------


def asks_for(
    identifier: str, title: str, connection: Setup, needs: tuple[Capability, ...], *kinds: CfgAttribute
) -> object:
    """A purpose: the device asks for these addresses, in the right form, and takes what it gets."""

    def test(peer: Peer, dut: Dut) -> None:
        sa, request, asked = opened(peer, dut)
        right_form(peer, asked)
        for kind in kinds:
            wanted = any(one.type == kind for one in asked.attributes)
            peer.check(wanted, f"an {kind.name}", asked, "RFC7296-2.19-5")
        sa.answer(request)
        must_be_accepted_by(sa, "RFC7296-2.19-2")

    test.__doc__ = title
    return purpose(
        identifier, "RFC7296-2.19-5", "RFC7296-2.19-2", "RFC7296-3.15.1-1", LENGTHS, "RFC7296-3.15.1-9",
        "RFC7296-3.15.1-12", "RFC7296-3.15-1", "RFC8598-3.1-1", "RFC8598-3.1-4", "RFC8598-3.1-7", "RFC8983-5-1",
        role="initiator", needs=needs, connection=connection,
    )(test)  # fmt: skip


test_asks = asks_for(
    "cp-client-request", "A device that wants an address asks for it, and for whatever else, in the right form.",
    asking(), INNER, A4,
)  # fmt: skip
test_asks6 = asks_for(
    "cp-client-request6", "A device that wants an IPv6 address asks for it in the right form, and takes what it gets.",
    asking6, INNER6, A6,
)  # fmt: skip
test_asks_both = asks_for(
    "cp-client-request-both", "A device that wants addresses of both families asks for both, and takes what it gets.",
    asking_both, (*INNER, *INNER6, Capability.VIRTUAL_IPS), A4, A6,
)  # fmt: skip


# --- what it takes ----------------------------------------------------------------------------------------------------


def each_attribute(**changes: int) -> Bend:
    """All attributes of our CFG_REPLY, changed."""
    return bend.replace(
        CP,
        lambda one: replace(one, attributes=tuple(replace(each, **changes) for each in one.attributes)),
        str(changes),
    )


def accepted(identifier: str, title: str, bent: Bend, *requirements: str) -> object:
    """A purpose: with this reply the device goes on, and has its Child SA."""

    def test(peer: Peer, dut: Dut) -> None:
        takes(peer, dut, bent, requirements[0])

    test.__doc__ = title
    return purpose(identifier, *requirements, role="initiator", needs=INNER, connection=asking())(test)


_MORE = (
    *(CfgAttr(D.INTERNAL_IP4_DNS, packed(f"10.1.0.{one}")) for one in (53, 54, 55)),
    CfgAttr(D.INTERNAL_IP4_NBNS, packed("10.1.0.56")),
    CfgAttr(D.INTERNAL_IP4_DHCP, packed("10.1.0.57")),
    CfgAttr(D.INTERNAL_IP6_DNS, packed("fd01::53")),
    CfgAttr(D.APPLICATION_VERSION, b"ikespec"),
    CfgAttr(D.SUPPORTED_ATTRIBUTES, b"\0\1\0\3\x70\0"),
)
test_more = accepted(
    "cp-client-more", "The reply has name servers, a version and more that may not have been asked for: no harm.",
    adding(*_MORE), IGNORED,
)  # fmt: skip
test_subnets = accepted(
    "cp-client-subnets", "The reply has 50 networks of both families: used or not, the IKE SA comes up.",
    adding(*(subnet(f"10.1.{one}.0/24") for one in range(40)), *(subnet(f"fd01:{one}::/64") for one in range(10))),
    IGNORED,
)  # fmt: skip
test_unknown = accepted(
    "cp-client-unknown", "The reply has attributes of unassigned and private types, empty and long: they are ignored.",
    adding(*(CfgAttr(CfgAttribute(kind), bytes(size)) for kind, size in ((16000, 7), (32767, 0), (20000, 900)))),
    IGNORED,
)  # fmt: skip
test_reserved = accepted(
    "cp-client-reserved", "Everything reserved is set in the reply: it is ignored.",
    each_attribute(reserved=1) | adding(reserved=0xFFFFFF), "RFC7296-3.15.1-2", "RFC7296-3.15-2",
)  # fmt: skip
test_banner = accepted(
    "cp-client-banner", "A banner of 2000 octets, names with control characters, and backup servers as Cisco has them.",
    adding(
        CfgAttr(CfgAttribute(28672), b"Welcome\r\n\x1b[2J" + b"x" * 2000),
        CfgAttr(CfgAttribute(28674), b"corp\0.example;reboot"),
        CfgAttr(CfgAttribute(28675), b"a.example,b.example"), CfgAttr(CfgAttribute(28681), b"backup.example"),
    ), IGNORED,
)  # fmt: skip
test_empty = accepted(
    "cp-client-empty", "The reply has name servers and networks without a value: they say nothing.",
    adding(*map(CfgAttr, (D.INTERNAL_IP4_DNS, D.INTERNAL_IP4_SUBNET, D.APPLICATION_VERSION))), IGNORED, LENGTHS,
)  # fmt: skip
test_netmask = accepted(
    "cp-client-netmask", "The reply has a netmask beside the address: whether it is used or not, the IKE SA comes up.",
    adding(CfgAttr(D.INTERNAL_IP4_NETMASK, b"\xff\xff\xff\0")), IGNORED,
)  # fmt: skip
test_second = accepted(
    "cp-client-second", "The reply has one address more than any device asks for: the first one will do.",
    adding(*(CfgAttr(A4, bytes((10, 77, 0, one))) for one in range(200, 240))), IGNORED,
)  # fmt: skip
test_behind = accepted(
    "cp-client-behind-sa", "The CFG_REPLY stands behind TSr: it is taken all the same.",
    bend.order(lambda found: sorted(found, key=lambda one: isinstance(one, CP)), "CP at the end"), "RFC7296-2.5-17",
)  # fmt: skip
test_domains = accepted(
    "cp-client-domains", "The reply has name servers, domains, and a trust anchor behind one: no harm is done.",
    adding(
        CfgAttr(D.INTERNAL_IP4_DNS, packed("10.1.0.53")), CfgAttr(D.INTERNAL_DNS_DOMAIN, b"corp.example"),
        CfgAttr(D.INTERNAL_DNSSEC_TA, b"\xaa\x1b\x08\x02F78CF3344F72137235098ECBBD08947C"),
        CfgAttr(D.INTERNAL_DNS_DOMAIN, b"city.other.example"),
    ), IGNORED, "RFC8598-4.2-1",
)  # fmt: skip
test_anchor = accepted(
    "cp-client-anchor", "A trust anchor stands in front of every domain, and one is too short: they are ignored.",
    adding(
        CfgAttr(D.INTERNAL_DNSSEC_TA, b"\xaa\x1b\x08\x02F78C"), CfgAttr(D.INTERNAL_DNSSEC_TA, b"\xaa"),
        CfgAttr(D.INTERNAL_IP4_DNS, packed("10.1.0.53")), CfgAttr(D.INTERNAL_DNS_DOMAIN, b"corp.example"),
    ), "RFC8598-4.2-3", "RFC8598-6-5",
)  # fmt: skip
test_hostile_domain = accepted(
    "cp-client-domain-hostile", "Domains with shell commands, zeros and 2000 octets are no reason to fall.",
    adding(
        CfgAttr(D.INTERNAL_IP4_DNS, packed("10.1.0.53")),
        CfgAttr(D.INTERNAL_DNS_DOMAIN, b"$(reboot);`id`'\"\0\n.example"),
        CfgAttr(D.INTERNAL_DNS_DOMAIN, b"x" * 2000), CfgAttr(D.INTERNAL_DNS_DOMAIN, b"."),
    ), IGNORED, "RFC8598-8-2",
)  # fmt: skip
test_resolver = accepted(
    "cp-client-resolver", "The reply has an encrypted resolver and its digest, for which few have asked: no harm.",
    adding(
        CfgAttr(D.ENCDNS_IP4, b"\0\1\1\x0f" + packed("10.1.0.53") + b"doh.example.com\0\1\0\3\2h2"),
        CfgAttr(D.ENCDNS_DIGEST_INFO, b"\1\0\0\2" + bytes(32)),
    ), IGNORED,
)  # fmt: skip


# --- what it does not take --------------------------------------------------------------------------------------------


def without_address(peer: Peer, dut: Dut, sa: ScriptedSa, requirement: str) -> None:
    """The device has got no address: it has no Child SA, or none that it keeps; the IKE SA may stay or go.

    What it still lists when it answers may be about to be deleted, so it has some time.
    """
    sa.state = type(sa.state).ESTABLISHED
    child = sa.children[0] if sa.children else None

    def shown() -> object:
        asked = [one for one in requests(peer, sa) if refuses(one) or deletes_any(one)]
        return asked or (child is not None and dut.child(child) is None)

    state = dut.watch(sa.spi_i, shown)
    used = child is not None and not shown() and state in (None, SaState.ESTABLISHED)
    peer.check(not used, "no Child SA without an address", child, requirement)


def deletes_any(request: Received) -> bool:
    """Whether a request deletes something."""
    return any(type(one).__name__ == "Delete" for one in request.message.payloads)


def useless(identifier: str, title: str, bent: Bend, *requirements: str, setup: Setup | None = None) -> object:
    """A purpose: this reply gives the device no address, and it makes no use of the Child SA."""

    def test(peer: Peer, dut: Dut) -> None:
        sa, request, _ = opened(peer, dut)
        sa.answer(request, bend=bent)
        without_address(peer, dut, sa, requirements[0])

    test.__doc__ = title
    needs = (*(INNER if setup is None else INNER6), Capability.LIST_SAS)
    return purpose(identifier, *requirements, role="initiator", needs=needs, connection=setup or asking())(test)


def value(of: Callable[[bytes], bytes]) -> Bend:
    """The address of our reply, changed."""
    return bend.replace(
        CP, lambda one: replace(one, attributes=tuple(replace(each, value=of(each.value)) for each in one.attributes)),
        "another value",
    )  # fmt: skip


test_none = useless(
    "cp-client-none", "The response has no CP: a device that needs an address has none, and uses no Child SA.",
    bend.drop(CP), REQUIRED,
)  # fmt: skip
test_no_attribute = useless(
    "cp-client-no-attribute", "The CFG_REPLY is empty: a device that needs an address has none, and uses no Child SA.",
    bend.change(CP, attributes=()), REQUIRED,
)  # fmt: skip
test_no_value = useless(
    "cp-client-no-value", "The address in the CFG_REPLY has no value: that is no address.",
    value(lambda _: b""), REQUIRED, LENGTHS,
)  # fmt: skip
test_short = useless(
    "cp-client-short", "The address has three octets: that is no address.",
    value(lambda one: one[:3]), REQUIRED, LENGTHS,
)  # fmt: skip
test_set = useless(
    "cp-client-type-set", "In place of the CFG_REPLY comes a CFG_SET: that answers nothing.",
    bend.change(CP, cfg_type=CfgType.SET), REQUIRED,
)  # fmt: skip
test_request = useless(
    "cp-client-type-request", "In place of the CFG_REPLY comes a CFG_REQUEST: that answers nothing.",
    bend.change(CP, cfg_type=CfgType.REQUEST), REQUIRED,
)  # fmt: skip
test_type_5 = useless(
    "cp-client-type-5", "In place of the CFG_REPLY comes a CP of type 5: that answers nothing.",
    bend.change(CP, cfg_type=CfgType(5)), REQUIRED,
)  # fmt: skip


def odd(identifier: str, title: str, bent: Bend, *requirements: str, setup: Setup | None = None) -> object:
    """A purpose: the device makes something of this address or refuses it, but does not fall over it.

    It may also take no notice of a response that it cannot read, and repeat its request.
    """

    def test(peer: Peer, dut: Dut) -> None:
        sa, request, _ = opened(peer, dut)
        sa.answer(request, bend=bent)
        mark = len(peer.inbox)
        try:
            kept(peer, sa, requirements[0])
        except Unexpected:
            again = (one.message for one in peer.inbox[mark:] if one.sa is sa and not one.message.is_response)
            if not any(one.exchange == ExchangeType.IKE_AUTH for one in again):
                raise

    test.__doc__ = title
    needs = INNER if setup is None else INNER6
    return purpose(identifier, *requirements, role="initiator", needs=needs, connection=setup or asking())(test)


test_long = odd(
    "cp-client-long", "The address has five octets: it is cut, or no address.",
    value(lambda one: one + b"\x18"), SURVIVES,
)  # fmt: skip
test_short6 = odd(
    "cp-client-short6", "The IPv6 address has no prefix: it is completed, or no address.",
    value(lambda one: one[:16]), SURVIVES, setup=asking6,
)  # fmt: skip
test_prefix6 = odd(
    "cp-client-prefix6", "The IPv6 address has a prefix of 129 bits: that is ignored, or no address.",
    value(lambda one: one[:16] + b"\x81"), SURVIVES, setup=asking6,
)  # fmt: skip
test_huge = odd(
    "cp-client-huge", "The address has 2000 octets: it is cut, or no address.", value(lambda one: one * 500), SURVIVES
)  # fmt: skip


def refused(identifier: str, title: str, kind: NotifyType) -> object:
    """A purpose: no Child SA for this reason; the device has an IKE SA, and deletes it if it wants none."""

    def test(peer: Peer, dut: Dut) -> None:
        sa, request, _ = opened(peer, dut)
        no_child = bend.drop(CP, SA, TSi, TSr) | bend.append(Notify(kind))
        sa.answer(request, bend=no_child)
        sa.children.clear()
        kept(peer, sa, SURVIVES)

    test.__doc__ = title
    return purpose(
        identifier, SURVIVES, "RFC7296-3.15.4-2", "RFC7296-2.19-10", role="initiator", needs=INNER, connection=asking()
    )(test)


test_dry = refused(
    "cp-client-dry", "There is no address: N(INTERNAL_ADDRESS_FAILURE) ends no IKE SA; the device keeps or deletes it.",
    NotifyType.INTERNAL_ADDRESS_FAILURE,
)  # fmt: skip
test_failed = refused(
    "cp-client-required", "N(FAILED_CP_REQUIRED) ends no IKE SA; the device keeps or deletes it.",
    NotifyType.FAILED_CP_REQUIRED,
)  # fmt: skip


@purpose("cp-client-unasked", IGNORED, VALID, role="initiator")
def test_unasked(peer: Peer, dut: Dut) -> None:
    """A device that has asked for nothing gets a CFG_REPLY with an address: its Child SA is what was agreed upon.

    It may take the message for malformed.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    reply = CP(CfgType.REPLY, (CfgAttr(A4, packed("192.0.2.77")), CfgAttr(D.INTERNAL_IP4_DNS, packed("192.0.2.53"))))
    sa.answer(request, bend=bend.insert(reply, 2))
    kept(peer, sa, IGNORED)
    child = dut.child(sa.child) if Capability.LIST_SAS in dut.device.capabilities else None
    if child is not None:
        inside = not any("192.0.2.77" in one for one in child.local_ts)
        peer.check(inside, "selectors as they were agreed upon", child.local_ts, VALID)


@purpose(
    "cp-client-set", "RFC7296-3.15.1-17", "RFC7296-3.15.1-18", "RFC7296-3.15.1-19", VALID,
    role="initiator", needs=INNER, connection=asking(),
)  # fmt: skip
def test_pushed(peer: Peer, dut: Dut) -> None:
    """A gateway pushes networks, name servers and another address by CFG_SET: what is accepted is acknowledged."""
    dut.initiate()
    sa = peer.accept()
    server, address = CfgAttr(D.INTERNAL_IP4_DNS, packed("10.1.0.53")), CfgAttr(A4, packed("10.77.0.201"))
    given = (subnet("10.8.0.0/16"), server, address)
    acknowledged(peer, given, sa.informational(CP(CfgType.SET, given)))
    sa.must_be_up("RFC7296-3.15.1-19")


@purpose("cp-client-asked", "RFC7296-2.20-3", IGNORED, VALID, role="initiator", needs=INNER, connection=asking())
def test_asked(peer: Peer, dut: Dut) -> None:
    """A gateway asks its client for its version, its networks and for an address: a client has none to give."""
    dut.initiate()
    sa = peer.accept()
    wanted = (CfgAttr(A4), CfgAttr(D.APPLICATION_VERSION), CfgAttr(D.INTERNAL_IP4_SUBNET))
    answer = sa.informational(CP(CfgType.REQUEST, wanted))
    well_formed(peer, answer)
    strange = [one.value.hex() for each in answer.all(CP) for one in each.attributes
               if one.type == A4 and one.value not in (b"", sa.virtual_address)]  # fmt: skip
    peer.check(not strange, "no address for the gateway", ", ".join(strange), VALID)
    sa.must_be_up(IGNORED)
