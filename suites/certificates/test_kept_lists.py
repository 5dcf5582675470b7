"""The CRL of a trust anchor, which a device fetches in its own time and keeps (RFC 5280, section 6.3.3).

The anchor is new in each purpose; it and our certificates name the same distribution point. A device that takes only
who is known to be good may refuse us until it has the CRL. So our ordinary certificate, which is not on it, is shown
until it is taken: that proves that the device has the CRL, and only then comes the certificate that is judged.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography import x509

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.crypto.revoking import DAY, broken, crl, points
from conformance.ike.core.connection import Connection, Party, PublicKey, Revocation
from conformance.net.http import Page, WebServer
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.certificates.roles import NOT_CREATED, AsResponder, in_both, of_responder
from suites.connections import build, certified
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import in_our_name, must_be_accepted_by, ourselves
from suites.purpose import purpose

TIER = "full"

_PATH = "/anchor.crl"
_PATIENCE = 8.0
"""Seconds in which a device has fetched a CRL that it needs."""
_PAUSE = 0.3
_MADE: deque[Authority] = deque(maxlen=64)
_SAME = "RFC5280-6.3-1"
_REVOKED = ("RFC4945-5.2-1", "RFC4945-5.2.1-1", _SAME, "RFC5280-6.3.3-11")


def below_new_anchor(pixit: Pixit) -> Connection:
    """Certificates of a trust anchor that the device has never seen."""
    us, them, _ = certified(pixit, "ecdsa")
    if pixit.credentials.ours is not None:
        raise NotApplicable("our certificate does not say where we tell whether it is revoked")
    where = points(WebServer(pixit.tester_address, pixit.web_port).url(_PATH))
    key = new_key("ecdsa")
    name = f"CN=anchor {key.public_key().public_numbers().x:x},O=ikespec"[:60]  # type: ignore[union-attr]
    anchor = Authority.create(name, key=key, extensions=[where])
    _MADE.append(anchor)

    def shown(party: Party) -> Party:
        made = anchor.issue(str(party.identity), sans=[str(party.identity)], extensions=[where])
        return Party(party.identity, PublicKey((made.certificate,), made.key))

    return build(shown(us), shown(them), pixit, trust=(anchor.certificate,))


Attempt = Callable[[Party | None], bool]
"""A handshake as somebody, None: as usual; whether the device has taken us. The IKE SA is deleted again."""


class Anchor:
    """The trust anchor of one purpose, what the web server says of it, and the device that fetches that."""

    def __init__(self, peer: Peer, attempt: Attempt) -> None:
        """Nothing is served yet."""
        assert peer.web is not None
        self.peer, self.web, self.attempt = peer, peer.web, attempt
        self.issued = 0
        self.anchor = next(one for one in _MADE if one.certificate in peer.connection.trust)
        number = int.from_bytes(b"\x4b" + peer.random(14), "big")
        where = points(self.web.url(_PATH))
        self.leaf: Leaf = in_our_name(peer, self.anchor, key=new_key("ecdsa"), extensions=[where], serial=number)
        self.other = ourselves(peer, chain=self.leaf.chain, key=self.leaf.key)

    def serve(self, *numbers: int, change: Callable[[bytes], bytes] = bytes, **changes: Any) -> None:
        """From now on there is a CRL with these serial numbers, newer than the one before; ``changes`` as in `crl`."""
        self.issued += 1
        times = {"begun": -3600.0 + self.issued, "number": self.issued, **changes}
        self.web.put(_PATH, Page(change(crl(self.anchor, self.peer.link.now(), numbers, **times))))

    def is_taken(self, party: Party | None = None) -> bool:
        """Whether the device takes us within the time in which it fetches a CRL."""
        until = self.peer.link.now() + _PATIENCE
        while not self.attempt(party):
            if self.peer.link.now() >= until:
                return False
            self.peer.idle(_PAUSE)
        return True

    def must_be_known(self) -> None:
        """The device has the CRL: it takes our ordinary certificate. Raises Inconclusive."""
        if not self.is_taken():
            raise Inconclusive("the device does not take our ordinary certificate though the CRL about it is there")

    def must_not_count(self) -> None:
        """The device takes nobody: the CRL that it finds is as good as none. Then a good one, by which it does."""
        for _ in range(3):
            taken = self.attempt(None)
            self.peer.check(not taken, "no IKE SA", "one that is up", NOT_CREATED, bypass=True)
            self.peer.idle(_PAUSE)
        self.serve()
        self.must_be_known()


def as_initiator_of(peer: Peer, party: Party | None) -> bool:
    """We initiate."""
    sa = peer.sa(initial_contact=False, local=party or peer.connection.local)
    sa.init()
    try:
        sa.auth()
        sa.must_be_established()
    except Unexpected:
        return False
    sa.delete()
    return True


def as_responder_to(peer: Peer, dut: Dut, party: Party | None) -> bool:
    """The device initiates."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), local=party or peer.connection.local)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    try:
        must_be_accepted_by(sa)
        sa.delete()
    except Unexpected:
        return False
    return True


Story = Callable[[Anchor], None]


def kept(identifier: str, *requirements: str, refused: bool, **further: Any) -> Callable[[Story], AsResponder]:
    """What happens before the certificate of `Anchor.leaf` is shown, which must then be ``refused`` or else taken."""

    def responder(peer: Peer, story: Story) -> None:
        anchor = Anchor(peer, partial(as_initiator_of, peer))
        story(anchor)
        if refused:
            sa = peer.sa(local=anchor.other)
            sa.init()
            must_be_refused(peer, sa)
        else:
            _must_be_taken(anchor, requirements[0])

    def initiator(peer: Peer, dut: Dut, story: Story) -> None:
        anchor = Anchor(peer, partial(as_responder_to, peer, dut))
        story(anchor)
        if refused:
            attempt = begun(peer, dut, local=anchor.other)
            attempt.sa.answer(attempt.request)
            must_be_refused_by(dut, peer, attempt)
        else:
            _must_be_taken(anchor, requirements[0])

    def register(story: Story) -> AsResponder:
        usual: dict[str, Any] = {
            "connection": below_new_anchor, "web": lambda web: None, "device": {"revocation": Revocation.STRICT},
            "needs": (Capability.CRL_OF_ANCHOR,), "canary": False, **further,
        }  # fmt: skip
        return in_both(
            story,
            purpose(identifier, *requirements, role="responder", ordinary=not refused, **usual),
            purpose(of_responder(identifier), *requirements, role="initiator", **usual),
            lambda peer: responder(peer, story),
            lambda peer, dut: initiator(peer, dut, story),
        )

    return register


def _must_be_taken(anchor: Anchor, requirement: str) -> None:
    taken = anchor.is_taken(anchor.other)
    anchor.peer.check(taken, "an IKE SA: the CRL says nothing against us", "a refusal", requirement)


refused = partial(kept, refused=True)
accepted = partial(kept, refused=False)


@accepted("cert-crl-anchor-good", _SAME, "RFC4945-5.2-1")
def test_good(anchor: Anchor) -> None:
    """The CRL of the trust anchor has other certificates on it."""
    anchor.serve(*range(7001, 7101))


@refused("cert-crl-anchor-revoked", *_REVOKED)
def test_revoked(anchor: Anchor) -> None:
    """A certificate of ours is on the CRL of the trust anchor, which the device has."""
    anchor.serve(anchor.leaf.certificate.serial_number)
    anchor.must_be_known()


@refused("cert-crl-anchor-hold", *_REVOKED, "RFC5280-5.3.1-1")
def test_hold(anchor: Anchor) -> None:
    """A certificate of ours is revoked for a while only (certificateHold)."""
    anchor.serve(anchor.leaf.certificate.serial_number, reason=x509.ReasonFlags.certificate_hold)
    anchor.must_be_known()


@accepted("cert-crl-anchor-signature", _SAME, "RFC5280-6.3.3-10", NOT_CREATED)
def test_signature(anchor: Anchor) -> None:
    """The CRL of the trust anchor is empty and its signature wrong; later there is a right one."""
    anchor.serve(change=broken)
    anchor.must_not_count()


@accepted("cert-crl-anchor-signer", _SAME, "RFC5280-6.3.3-10", NOT_CREATED)
def test_signer(anchor: Anchor) -> None:
    """The CRL is empty, and signed by somebody who has only the name of the anchor; later there is a right one."""
    anchor.serve(key=new_key("ecdsa"))
    anchor.must_not_count()


@accepted("cert-crl-anchor-expired", _SAME, "RFC5280-6.3.3-1", NOT_CREATED)
def test_expired(anchor: Anchor) -> None:
    """The CRL of the trust anchor is empty, and its nextUpdate has passed; later there is a newer one."""
    anchor.serve(begun=-2 * DAY, end=-DAY)
    anchor.must_not_count()


@refused("cert-crl-anchor-renewed", *_REVOKED, "RFC5280-6.3.3-1", waits=5.0)
def test_renewed(anchor: Anchor) -> None:
    """By the first CRL, which is good for four seconds, our certificate is good; it is on the one that follows.

    A device may use the first one until its nextUpdate, and must look for another one then.
    """
    begun = anchor.peer.link.now()
    anchor.serve(end=4.0)
    anchor.must_be_known()
    anchor.serve(anchor.leaf.certificate.serial_number)
    anchor.peer.idle(max(0.0, begun + 5.0 - anchor.peer.link.now()))
    anchor.must_be_known()


@accepted("cert-crl-anchor-restored", _SAME, "RFC5280-6.3.3-1", "RFC5280-5.3.1-1", NOT_CREATED, waits=5.0)
def test_restored(anchor: Anchor) -> None:
    """By the first CRL, which is good for four seconds, our certificate is on hold; it is not on the one that follows.

    So it was revoked for a while only, and is good again.
    """
    begun = anchor.peer.link.now()
    anchor.serve(anchor.leaf.certificate.serial_number, reason=x509.ReasonFlags.certificate_hold, end=4.0)
    anchor.must_be_known()
    if anchor.peer.link.now() - begun < 3.0:  # it has surely that CRL, and may still use it
        taken = anchor.attempt(anchor.other)
        anchor.peer.check(not taken, "no IKE SA", "one that is up", "RFC5280-6.3.3-11", bypass=True)
    anchor.serve()
    anchor.peer.idle(max(0.0, begun + 5.0 - anchor.peer.link.now()))
