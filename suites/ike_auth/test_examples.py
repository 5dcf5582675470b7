"""Whole configurations of routers as handbooks have them, with their algorithms: opened, used, rekeyed, and used again.

What is in them is tested one by one elsewhere; here it works together.
"""

from conformance.ike.core.connection import Connection, Mode
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import KE, KeMethod, NotifyType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.choices import ESP, chosen, including, those
from suites.connections import Setup, changed, psk
from suites.create_child_sa.answers import granted
from suites.data_plane.steps import DATA, moved
from suites.data_plane.tunnels import BETWEEN, CLOSED, Way, through_gre
from suites.dut import Dut
from suites.ike_auth.steps import distinguished
from suites.ike_auth.test_two_keys import two_keys
from suites.purpose import purpose

TIER = "full"
REKEY = Capability.REKEY_CHILD


def branch(pixit: Pixit) -> Connection:
    """IPv6 outside, GRE with IPv4 in transport mode; a shared key, group 5, SHA-2 of 512 bits, and SHA-1 for ESP."""
    return like_branch(pixit, psk())


def keyed_branch(pixit: Pixit) -> Connection:
    """The same with a key for each direction."""
    return like_branch(pixit, two_keys)


def like_branch(pixit: Pixit, who: Setup) -> Connection:
    """The branch, whose two sides authenticate as those of another connection do."""
    tunnel, keys = through_gre(ipv6=True)(pixit), who(pixit)
    proposals = chosen(including("aes256-sha512-prfsha512-modp1536"), pixit.algorithms)
    esp = chosen(those(("aes256-sha1", "aes128-sha1"), ESP), pixit.algorithms)
    return changed(tunnel, {"local": keys.local, "remote": keys.remote, "proposals": proposals, "esp": esp})


BRANCHED = (BETWEEN, "RFC4301-4.4.1-2", "RFC7296-1.3.1-10")
BRANCH = (Capability.PSK, Capability.IPV6, DATA)


def carries(sa: ScriptedSa, dut: Dut) -> None:
    """Transport mode, and the newest Child SA carries the tunnel."""
    sa.peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode, "RFC7296-1.3.1-10")
    Way.first(sa, dut).must_move()
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


def authenticated(peer: Peer) -> ScriptedSa:
    """The device takes our proof, and we take the one that it gives."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established()
    return sa


def authenticated_by(peer: Peer, dut: Dut) -> ScriptedSa:
    """The same where the device opens the IKE SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    sa.must_be_established()
    return sa


def opened(peer: Peer, dut: Dut) -> None:
    """Traffic in the tunnel, and again after a rekey of the Child SA."""
    sa = authenticated(peer)
    carries(sa, dut)
    if REKEY in dut.device.capabilities:
        granted(peer, dut, sa.rekey_child(), REKEY, "RFC7296-1.3.3-1")
        sa.finish()
        carries(sa, dut)


@purpose("auth-example-branch", *BRANCHED, CLOSED, role="responder", needs=BRANCH, connection=branch)
def test_branch(peer: Peer, dut: Dut) -> None:
    """A branch with a shared key has GRE over IPv6 in ESP, and IPv4 in it."""
    opened(peer, dut)


@purpose("auth-example-branch-initiator", *BRANCHED, role="initiator", needs=BRANCH, connection=branch)
def test_branch_initiator(peer: Peer, dut: Dut) -> None:
    """The device is the branch, and opens the IKE SA."""
    carries(authenticated_by(peer, dut), dut)


@purpose("auth-example-keys", *BRANCHED, CLOSED, role="responder", needs=BRANCH, connection=keyed_branch)
def test_keys(peer: Peer, dut: Dut) -> None:
    """A branch with a shared key for each direction."""
    opened(peer, dut)


@purpose("auth-example-keys-initiator", *BRANCHED, role="initiator", needs=BRANCH, connection=keyed_branch)
def test_keys_initiator(peer: Peer, dut: Dut) -> None:
    """The device is that branch."""
    carries(authenticated_by(peer, dut), dut)


GROUP = KeMethod.ECP_521


def curves(pixit: Pixit) -> Connection:
    """Certificates with ECDSA, named by their subjects, AES-GCM, SHA-2 of 512 bits, group 21, which each rekey uses."""
    proposals = chosen(including("aes256gcm16-prfsha512-ecp521"), pixit.algorithms)
    esp = chosen(those(("aes256gcm16-ecp521",), ESP), pixit.algorithms)
    return changed(distinguished()(pixit), {"proposals": proposals, "esp": esp})


CURVES = (Capability.ECDSA, Capability.PFS, DATA)


def lives(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """Traffic, a rekey of the Child SA with a key exchange of the group, a liveness check, and traffic again."""
    moved(peer, sa.child)
    if REKEY in dut.device.capabilities:
        answer = sa.rekey_child()
        if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN):
            raise NotApplicable("the device rekeys a Child SA of IKE_AUTH without a key exchange only")
        granted(peer, dut, answer, REKEY, "RFC7296-1.3.3-7")
        found = peer.expect(answer, KE, "RFC7296-1.3.3-7")
        peer.check(found.method == GROUP, "KE of group 21", found.method, "RFC7296-1.3.3-7")
        peer.check(not sa.problem, "a valid public value of the group", sa.problem)
    sa.liveness()
    moved(peer, sa.child)


@purpose("auth-example-curves", "RFC7296-1.3.3-7", role="responder", needs=CURVES, connection=curves)
def test_curves(peer: Peer, dut: Dut) -> None:
    """A peer with elliptic curves in all places: group 21, ECDSA, forward secrecy."""
    lives(peer, dut, authenticated(peer))


@purpose("auth-example-curves-initiator", "RFC7296-1.3.3-7", role="initiator", needs=CURVES, connection=curves)
def test_curves_initiator(peer: Peer, dut: Dut) -> None:
    """The device opens the same, and we rekey the Child SA."""
    lives(peer, dut, authenticated_by(peer, dut))
