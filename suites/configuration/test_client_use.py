"""What devices that ask for inner addresses do with them: over a rekey, a reauthentication, and in traffic."""

from ipaddress import ip_address, ip_network

from conformance.script import inner
from conformance.script.peer import Peer
from conformance.wire import CP, CfgType, ExchangeType, TSi
from peers.capabilities import Capability
from suites.configuration.steps import A4, INNER, POOL, VALID, asking, inside
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose


@purpose(
    "cp-client-rekey", VALID, "RFC7296-2.9.2-1", role="initiator", needs=(*INNER, Capability.REKEY_CHILD),
    connection=asking(),
)  # fmt: skip
def test_rekey(peer: Peer, dut: Dut) -> None:
    """The device rekeys its Child SA, and offers the address that it was assigned, or more than that."""
    dut.initiate()
    sa = peer.accept()
    had = sa.virtual_address
    assert had is not None
    dut.rekey_child()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    selectors = peer.expect(request.message, TSi, VALID)
    text = ", ".join(map(str, selectors.selectors))
    inside = any(getattr(one, "start", b"") <= had <= getattr(one, "end", b"") for one in selectors.selectors)
    peer.check(inside, f"{ip_address(had)} in TSi", text, VALID)
    sa.answer(request)
    sa.must_be_up(VALID)


@purpose(
    "cp-client-reauth", "RFC7296-2.19-2", VALID, role="initiator", needs=(*INNER, Capability.REAUTH),
    connection=asking(),
)  # fmt: skip
def test_reauthentication(peer: Peer, dut: Dut) -> None:
    """The device reauthenticates: it asks for an address again, with or without a wish, and takes another one.

    Its wish may be the address that it has got, or the one that it has wished for before.
    """
    dut.initiate()
    old = peer.accept()
    had, before = old.virtual_address, _wishes(peer)
    dut.reauthenticate()
    pool = list(ip_network(peer.connection.local_pool or POOL).subnets())[1]
    new = peer.respond_init(peer.expect_init(), local_pool=str(pool))
    request = new.expect_request(ExchangeType.IKE_AUTH)
    asked = peer.expect(request.message, CP, "RFC7296-2.19-2")
    wishes = [one.value for one in asked.attributes if one.type == A4]
    peer.check(wishes, "an INTERNAL_IP4_ADDRESS", asked, "RFC7296-2.19-2")
    peer.check(set(wishes) <= {b"", bytes(4), had, *before}, "its address, or any, as a wish", asked, VALID)
    new.answer(request)
    must_be_accepted_by(new, VALID)
    if Capability.LIST_SAS in dut.device.capabilities:
        found, address = dut.child(new.child), str(ip_address(new.virtual_address or b""))
        listed = found is None or any(address in one for one in found.local_ts)
        peer.check(listed, f"selectors for {address}", found, VALID)


def _wishes(peer: Peer) -> set[bytes]:
    """The addresses that the device has suggested so far."""
    asked = [each for one in peer.inbox for each in one.message.all(CP) if each.cfg_type == CfgType.REQUEST]
    return {each.value for one in asked for each in one.attributes if each.type == A4}


@purpose(
    "cp-client-traffic", VALID, "RFC7296-2.19-2", role="initiator", needs=(*INNER, Capability.DATA_PLANE),
    connection=asking(),
)  # fmt: skip
def test_traffic(peer: Peer, dut: Dut) -> None:
    """The device has the address that it was assigned: a ping to it is answered from there, through the Child SA."""
    dut.initiate()
    sa = peer.accept()
    sa.traffic.ping(requirement=VALID)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "cp-client-traffic-foreign", "RFC4301-5.2-3", VALID, role="initiator", needs=(*INNER, Capability.DATA_PLANE),
    connection=asking(),
)  # fmt: skip
def test_traffic_foreign(peer: Peer, dut: Dut) -> None:
    """Packets for other addresses than the assigned one come through the Child SA, one for the device's own among them.

    The Child SA is for the assigned address alone.
    """
    dut.initiate()
    sa = peer.accept()
    with peer.preamble("a ping to the inner address"):
        sa.traffic.ping()
    source = sa.traffic.channel().ours
    behind = str(ip_network(dut.pixit.device_networks[0])[1])
    with sa.traffic.silence("RFC4301-5.2-3", bypass=True):
        for address in (behind, str(ip_address(inside(peer.connection.local_pool, -3)))):
            sa.traffic.send(inner.ping(source, address))
