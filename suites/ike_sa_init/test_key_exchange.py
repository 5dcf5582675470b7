"""Groups and public values (RFC 7296, sections 1.2, 2.14 and 3.4; RFC 6989; RFC 8031)."""

from contextlib import suppress
from dataclasses import replace

from conformance.crypto.modp import ModpGroup, modp_group
from conformance.ike.core.proposals import groups
from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import KE, SA, ExchangeType, KeMethod, NotifyType, TransformType
from peers.algorithms import written
from suites.choices import ECP as POINTS
from suites.choices import including, two_groups
from suites.connections import usual
from suites.dut import Dut
from suites.foreign import foreign, own, unoffered
from suites.ike_sa_init.steps import (
    OFF_CURVE,
    ask_for_group,
    group_of,
    handshake,
    no_sa_for,
    normal,
    offers,
    other_group,
    our_groups,
    settle,
    those_with,
)
from suites.purpose import purpose

TWO_GROUPS = usual(proposals=two_groups)
MODP = usual(proposals=including("modp2048-modp3072-modp4096-modp6144-modp8192-modp1536-modp1024"))
ECP = usual(proposals=including(POINTS))
SUBGROUPS = usual(proposals=including("modp2048s256-modp2048s224"))
X25519 = usual(proposals=including("x25519"))


@purpose(
    "init-invalid-ke",
    "RFC7296-1.2-13", "RFC7296-1.3-7", "RFC7296-3.4-5", "RFC7296-2.6-4",
    role="responder", ordinary=True,
)  # fmt: skip
def test_invalid_ke(peer: Peer, dut: Dut) -> None:
    """KE of a group that we offer but the device does not want: it names the one it wants, and takes that.

    We offer two groups and send KE of the first; the device is configured for the second one only.
    """
    suite, unwanted = own(dut), foreign(dut, TransformType.KE)
    wanted = our_groups(peer)[0]
    sa = peer.sa(proposals=(written((unwanted, *suite)),))
    answer = sa.init(follow=False)
    if answer.notify(NotifyType.COOKIE):
        answer = sa.obey(answer)
    peer.check(answer.first(SA) is None and answer.first(KE) is None, "neither SA nor KE", answer, "RFC7296-3.4-5")
    notify = peer.expect_notify(answer, NotifyType.INVALID_KE_PAYLOAD, "RFC7296-1.2-13")
    named = int(wanted).to_bytes(2, "big")
    peer.check(notify.data == named, f"group {wanted:d} in two octets", notify.data.hex(), "RFC7296-1.3-7")
    sa.obeying = True
    normal(peer, sa.obey(answer))
    sa.auth()
    sa.must_be_established()
    peer.check(not any(answer.spi_r), "a responder SPI of zero", answer.spi_r.hex(), "RFC7296-2.6-4")


@purpose(
    "init-ke-retry",
    "RFC7296-1.2-14", "RFC7296-1.2-15", "RFC7296-2.2-2", "RFC7296-2.6-3", "RFC7296-3.3.6-14", "RFC7296-3.3.6-13",
    role="initiator",
    connection=TWO_GROUPS,
)  # fmt: skip
def test_ke_retry(peer: Peer, dut: Dut) -> None:
    """Told to use its other group, an initiator does so and still offers everything.

    An offer that shrinks would let an attacker choose the group by a forged notify.
    """
    dut.initiate()
    first = peer.expect_init()
    wanted = other_group(peer, first)
    peer.refuse_init(first, ask_for_group(wanted))
    second = peer.expect_init()
    peer.check(group_of(second) == wanted, f"KE of {wanted.name}", second.message, "RFC7296-1.2-14")
    peer.check(second.message.message_id == 0, "message ID 0", second.message.message_id, "RFC7296-2.2-2")
    kept = set(offers(first.message)) <= set(offers(second.message))
    peer.check(kept, "the whole offer again", second.message, "RFC7296-1.2-15")
    sa = peer.respond_init(second, proposals=those_with(peer, wanted))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()


@purpose("init-ke-not-offered", "RFC7296-3.4-2", role="initiator", connection=TWO_GROUPS)
def test_ke_not_offered(peer: Peer, dut: Dut) -> None:
    """Told to use a group that it never offered, an initiator does not send KE of it.

    It may ignore that, repeat its request, or give up.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, ask_for_group(KeMethod(unoffered(first.message.first(SA), TransformType.KE).id)))
    settle(peer, dut, first)
    for one in peer.inbox:
        ke = one.message.first(KE)
        sa = one.message.first(SA)
        peer.check(
            ke is None or (sa and ke.method in groups(sa.proposals)),
            "KE of an offered group",
            one.message,
            "RFC7296-3.4-2",
        )


@purpose(
    "init-modp-range",
    "RFC6989-2.5-1", "RFC6989-2.5-2", "RFC6989-2.1-1", "RFC6989-2.2-1",
    role="responder",
    connection=MODP,
)  # fmt: skip
def test_modp_range(peer: Peer) -> None:
    """The public values 0, 1, p-1 and p of a MODP group lead to a known secret: no IKE SA may come of them.

    A device that answers nevertheless should have looked before; it must not take an IKE_AUTH request with that secret.
    """
    group = modp_group(our_groups(peer)[0])
    for value, name in ((0, "0"), (1, "1"), (group.p - 1, "p-1"), (group.p, "p")):
        data = value.to_bytes(group.size, "big")
        sa = peer.sa(initial_contact=False)
        try:
            no_sa_for(peer, bend.change(KE, f"the public value {name}", data=data), "RFC6989-2.1-1", sa)
        except Unexpected:
            _must_not_be_used(peer, sa, group, value)
            raise


@purpose(
    "init-modp-subgroup",
    "RFC8247-2.4-8", "RFC6989-2.2-4", "RFC6989-2-2", "RFC6989-2.2-2", "RFC6989-2.5-1",
    role="responder",
    connection=SUBGROUPS,
)  # fmt: skip
def test_modp_subgroup(peer: Peer) -> None:
    """A public value outside of the small subgroup could tell the device's private value bit by bit: no IKE SA from it.

    A device that answers all the same must at least not use that private value again.
    """
    group = modp_group(our_groups(peer)[0])
    assert group.q is not None
    outside = next(value for value in range(2, 1000) if pow(value, group.q, group.p) != 1)
    bent = bend.change(KE, "a public value outside of the subgroup", data=outside.to_bytes(group.size, "big"))
    try:
        no_sa_for(peer, bent, "RFC8247-2.4-8", peer.sa(initial_contact=False))
    except Unexpected:
        sent = {one.raw: ke.data for one in peer.inbox if (ke := one.message.first(KE)) is not None}
        peer.check(len(set(sent.values())) == len(sent), "a private value used once", "the same twice", "RFC6989-2.2-4")
        raise


def _must_not_be_used(peer: Peer, sa: ScriptedSa, group: ModpGroup, value: int) -> None:
    """IKE_AUTH does not succeed with the secret that everybody knows, one of two for p-1."""
    for exponent in (1, 2):
        if sa.keys is None:
            return
        sa.keys = sa.derive(sa.keys.suite, pow(value, exponent, group.p).to_bytes(group.size, "big"))
        sa.pending, sa.next_id = None, 1
        with suppress(Unexpected):
            sa.auth()
        up = sa.state == State.ESTABLISHED
        peer.check(not up, "no IKE SA from this value", "IKE_AUTH with the secret that it leads to", "RFC6989-2.5-2")
        if value != group.p - 1:
            return


@purpose(
    "init-ecp-off-curve",
    "RFC6989-2.5-1", "RFC6989-2.5-2", "RFC6989-2.3-1", "RFC7296-3.3.2-7", "RFC6989-2.4-1",
    role="responder",
    connection=ECP,
)  # fmt: skip
def test_ecp_off_curve(peer: Peer) -> None:
    """A point that is not on the curve of the group could reveal the device's key: no IKE SA may come of it."""
    no_sa_for(peer, OFF_CURVE, "RFC6989-2.3-1")


@purpose("init-x25519-top-bit", "RFC8031-3.2-2", "RFC8031-2-1", role="responder", connection=X25519)
def test_x25519_top_bit(peer: Peer) -> None:
    """The most significant bit of a Curve25519 value is masked: with it set the secret is the same."""

    def marked(ke: KE) -> KE:
        return replace(ke, data=ke.data[:-1] + bytes((ke.data[-1] | 0x80,)))

    handshake(peer, bend.replace(KE, marked, "the top bit of the public value set"))


@purpose("init-x25519-not-canonical", "RFC8031-3.2-3", "RFC8031-3.2-1", role="responder", connection=X25519)
def test_x25519_not_canonical(peer: Peer) -> None:
    """A Curve25519 value of p + 9 is the base point, written as nobody writes it: it is taken for 9.

    The shared secret is the device's public value then.
    """
    sa = peer.sa()
    value = (2**255 - 19 + 9).to_bytes(32, "little")
    answer = sa.init(bend.change(KE, "the base point, not canonical", data=value))
    ke = peer.expect(answer, KE, "RFC8031-3.2-3")
    assert sa.keys is not None
    sa.keys = sa.derive(sa.keys.suite, ke.data)
    sa.auth()
    sa.must_be_established("RFC8031-3.2-3")


def _leading_zero(group: ModpGroup, theirs: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Our public value and g^ir with a first octet of zero, for the next exponent from ``secret`` on.

    Each step costs two multiplications, so that the device does not wait.
    """
    base, exponent = int.from_bytes(theirs, "big"), int.from_bytes(secret, "big")
    public, shared = pow(group.g, exponent, group.p), pow(base, exponent, group.p)
    while shared >> 8 * (group.size - 1):
        public, shared = public * group.g % group.p, shared * base % group.p
    return public.to_bytes(group.size, "big"), shared.to_bytes(group.size, "big")


@purpose(
    "init-modp-leading-zero",
    "RFC7296-2.14-4", "RFC7296-3.4-1",
    role="initiator",
    connection=MODP,
)  # fmt: skip
def test_modp_leading_zero(peer: Peer, dut: Dut) -> None:
    """A shared secret that begins with a zero octet keeps it.

    KEr is chosen after KEi is seen, until g^ir begins with a zero octet: once in 256 times on average.
    """
    dut.initiate()
    first = peer.expect_init()
    if group_of(first) not in our_groups(peer):
        peer.refuse_init(first, ask_for_group(our_groups(peer)[0]))
        first = peer.expect_init()
    theirs = first.message.first(KE)
    assert theirs is not None
    group = modp_group(theirs.method)
    whole = len(theirs.data) == group.size
    peer.check(whole, f"KEi as long as the prime, {group.size} octets", len(theirs.data), "RFC7296-3.4-1")
    public, shared = _leading_zero(group, theirs.data, peer.random(32))
    sa = peer.respond_init(first, bend.change(KE, "a value with which g^ir begins with zero", data=public))
    assert sa.keys is not None
    sa.keys = sa.derive(sa.keys.suite, shared)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-2.14-4")
