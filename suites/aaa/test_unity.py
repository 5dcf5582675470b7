"""The private attributes of Cisco's clients, as an AAA server grants them in AV pairs (ipsec:banner and others).

Their numbers stand in no public registry; RFC 7296, section 3.15.1, leaves them to private use, and lets a reply leave
out what was asked for. What a device hands out of what was granted, it hands out octet by octet.
"""

from conformance.radius import grant
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import CP, CfgAttribute, CfgType, Message
from peers.capabilities import Capability
from suites.aaa.steps import SERVED
from suites.aaa.test_grants import PAIRS, granted
from suites.configuration.steps import IGNORED, LENGTHS
from suites.configuration.test_unity import Unity
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"
NEEDS = (*PAIRS, Capability.PRIVATE_ATTRIBUTES)
TEXTS = {
    Unity.BANNER: ("banner", ("Welcome to the inner network",)),
    Unity.DEFAULT_DOMAIN: ("default-domain", ("corp.example",)),
    Unity.SPLIT_DNS_NAME: ("split-dns", ("corp.example", "city.other.example")),
    Unity.BACKUP_SERVERS: ("ipsec-backup-gateway", ("backup1.example", "192.0.2.77")),
}
FLAGS = {Unity.PFS: "pfs", Unity.LOCAL_LAN: "include-local-lan"}


def told(answer: Message, kind: Unity) -> list[bytes]:
    """What the CFG_REPLY says of one of them; an empty attribute says nothing."""
    replies = [one for one in answer.all(CP) if one.cfg_type == CfgType.REPLY]
    return [each.value for one in replies for each in one.attributes if int(each.type) == kind and each.value]


def asked(*kinds: Unity) -> tuple[CfgAttribute, ...]:
    """Their numbers as attributes."""
    return tuple(CfgAttribute(int(one)) for one in kinds)


@purpose("aaa-unity", LENGTHS, IGNORED, role="responder", needs=NEEDS, connection=SERVED)
def test_texts(peer: Peer, aaa: Aaa) -> None:
    """Banner, default domain, two names and two backup gateways are granted: what comes has its octets, in order.

    Several of one kind may come in one attribute, with commas between them. A device need not know each of them.
    """
    aaa.server.granted = [grant.pair(name, one) for name, values in TEXTS.values() for one in values]
    sa, answer = granted(peer, *asked(*TEXTS))
    for kind, (name, values) in TEXTS.items():
        wanted = [one.encode() for one in values]
        found = told(answer, kind)
        right = found in ([], wanted, [b",".join(wanted)])
        peer.check(right, f"{name} as it was granted: {', '.join(values)}", found, LENGTHS)
    sa.must_be_up(IGNORED)
    if not any(told(answer, kind) for kind in TEXTS):
        raise NotApplicable("it hands out none of them")


@purpose("aaa-unity-odd", LENGTHS, IGNORED, role="responder", needs=NEEDS, connection=SERVED)
def test_odd(peer: Peer, aaa: Aaa) -> None:
    """Eleven names, an empty banner and a domain of 200 octets are granted: what comes was granted, and nothing twice.

    How many names there may be is the device's own affair.
    """
    names = [f"name{number}.example" for number in range(11)]
    domain = ".".join(["x" * 49] * 4)
    aaa.server.granted = [
        *(grant.pair("split-dns", one) for one in names), grant.pair("banner", ""), grant.pair("default-domain", domain)
    ]  # fmt: skip
    sa, answer = granted(peer, *asked(*TEXTS))
    found = [name for one in told(answer, Unity.SPLIT_DNS_NAME) for name in one.decode(errors="replace").split(",")]
    peer.check(set(found) <= set(names) and len(set(found)) == len(found), "names that were granted", found, LENGTHS)
    domains = told(answer, Unity.DEFAULT_DOMAIN)
    peer.check(domains in ([], [domain.encode()]), "the domain as it was granted, or none", domains, LENGTHS)
    peer.check(not told(answer, Unity.BANNER), "no banner", told(answer, Unity.BANNER), LENGTHS)
    sa.must_be_up(IGNORED)


@purpose("aaa-unity-flags", LENGTHS, IGNORED, role="responder", needs=NEEDS, connection=SERVED)
def test_flags(peer: Peer, aaa: Aaa) -> None:
    """Flags are granted as 1 and as 0: the first is no zero, the second is one; either may not come."""
    for value in ("1", "0"):
        aaa.server.granted = [grant.pair(name, value) for name in FLAGS.values()]
        sa, answer = granted(peer, *asked(*FLAGS))
        for kind, name in FLAGS.items():
            found = told(answer, kind)
            wrong = [one for one in found if any(one) != (value == "1")]
            peer.check(not wrong, f"{name} {'on' if value == '1' else 'off'}", found, LENGTHS)
        sa.delete()


@purpose("aaa-unity-flags-odd", IGNORED, LENGTHS, role="responder", needs=NEEDS, connection=SERVED)
def test_odd_flags(peer: Peer, aaa: Aaa) -> None:
    """Flags are granted as 2, as a text and as nothing: whatever comes of that, there is one value for each."""
    for value in ("2", "yes", ""):
        aaa.server.granted = [grant.pair(name, value) for name in FLAGS.values()]
        sa, answer = granted(peer, *asked(*FLAGS))
        for kind, name in FLAGS.items():
            found = told(answer, kind)
            peer.check(len(found) <= 1, f"{name} at most once", found, LENGTHS)
        sa.must_be_up(IGNORED)
        sa.delete()
