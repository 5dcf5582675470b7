"""One certificate, two purposes: the device checks it as responder, and as initiator.

What stands under `refused`, `accepted` or `taken_or_refused` makes our credentials, or more of our message (`Shown`).
The purpose of that name shows them to the device as responder. A second one, whose id has ``responder-`` before the
last part of the subject, shows them to the device as initiator: we are the responder there.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.ike.core.connection import Connection, Identity, Party, PublicKey
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, IdType, NotifyType
from peers.contract import Pixit
from suites.connections import Setup, authority, build, certificates, certified
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import answer_of, is_taken_by, must_be_a_refusal, must_be_refused, must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by, must_succeed, ourselves
from suites.purpose import purpose


@dataclass(frozen=True, slots=True)
class Shown:
    """What we show: who we are and sign as, None: as usual, and what is bent in our message of IKE_AUTH.

    ``left_open`` says why a device that does otherwise than expected may do so, empty: it may not.
    """

    party: Party | None = None
    bent: Bend | None = None
    left_open: Callable[[], str] = str

    def changes(self) -> dict[str, Any]:
        """Those of our connection."""
        return {} if self.party is None else {"local": self.party}


Make = Callable[[Peer], Leaf | Shown]
AsResponder = Callable[[Peer], None]
AsInitiator = Callable[[Peer, Dut], None]

NOT_CREATED = "RFC7296-1.2-18"
TOLD = "RFC7296-2.21.2-1"


def refused(
    identifier: str, *requirements: str, connection: Setup | None = None, **further: Any
) -> Callable[[Make], AsResponder]:
    """The device must not authenticate us with these credentials, in either role; ``further`` is for `purpose`."""

    def as_responder(peer: Peer, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        sa = peer.sa(**shown.changes())
        sa.init()
        must_be_refused(peer, sa, shown.bent)

    def as_initiator(peer: Peer, dut: Dut, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        attempt = begun(peer, dut, **shown.changes())
        attempt.sa.answer(attempt.request, bend=shown.bent)
        must_be_refused_by(dut, peer, attempt)

    return _judged((identifier, *requirements, NOT_CREATED), (TOLD,), connection, further, as_responder, as_initiator)


def accepted(
    identifier: str, *requirements: str, connection: Setup | None = None, **further: Any
) -> Callable[[Make], AsResponder]:
    """The device must authenticate us with these credentials, in either role; ``further`` is for `purpose`."""

    def as_responder(peer: Peer, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        sa = peer.sa(**shown.changes())
        sa.init()
        sa.auth(shown.bent)
        must_succeed(peer, sa, requirements[0])

    def as_initiator(peer: Peer, dut: Dut, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), **shown.changes())
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=shown.bent)
        must_be_accepted_by(sa, requirements[0])

    return _judged((identifier, *requirements), (), connection, further, as_responder, as_initiator)


def taken_or_refused(
    identifier: str, *requirements: str, connection: Setup | None = None, **further: Any
) -> Callable[[Make], AsResponder]:
    """The device may take these credentials or not, in either role: it authenticates us, or refuses us as it must."""

    def as_responder(peer: Peer, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        sa = peer.sa(**shown.changes())
        sa.init()
        take_or_refuse(peer, sa, shown.bent, NotifyType.AUTHENTICATION_FAILED)

    def as_initiator(peer: Peer, dut: Dut, made: Leaf | Shown) -> None:
        shown = _shown(peer, made)
        attempt = begun(peer, dut, **shown.changes())
        attempt.sa.answer(attempt.request, bend=shown.bent)
        if is_taken_by(dut, peer, attempt.sa):
            peer.note("it takes that")
        else:
            peer.note("it refuses that")
            must_be_refused_by(dut, peer, attempt)

    return _judged((identifier, *requirements), (TOLD,), connection, further, as_responder, as_initiator)


def take_or_refuse(peer: Peer, sa: ScriptedSa, bent: Bend | None, kind: NotifyType | None = None) -> None:
    """The device takes our IKE_AUTH request, or refuses it as it must, by this notify or any error."""
    answer = answer_of(peer, sa, bent)
    if fatal(answer) is None:
        peer.note("it takes that")
        must_succeed(peer, sa, TOLD)
    else:
        peer.note("it refuses that")
        must_be_a_refusal(peer, sa, answer, kind)


def _judged(
    named: tuple[str, ...],
    as_responder_only: tuple[str, ...],
    connection: Setup | None,
    further: dict[str, Any],
    as_responder: Callable[[Peer, Leaf | Shown], None],
    as_initiator: Callable[[Peer, Dut, Leaf | Shown], None],
) -> Callable[[Make], AsResponder]:
    """Both purposes on what is made; ``named`` are the id and the requirements, of a responder there are some more."""
    identifier, *cited = named

    def register(make: Make) -> AsResponder:
        usual: dict[str, Any] = {"connection": connection or certificates(), **further}
        return in_both(
            make,
            purpose(identifier, *cited, *as_responder_only, role="responder", **usual),
            purpose(of_responder(identifier), *cited, role="initiator", **usual),
            lambda peer: _held(made := make(peer), lambda: as_responder(peer, made)),
            lambda peer, dut: _held(made := make(peer), lambda: as_initiator(peer, dut, made)),
        )

    return register


def _held(made: Leaf | Shown, judge: Callable[[], None]) -> None:
    """Judge what comes of this. Raises NotApplicable where it is not as expected, and that is left open."""
    try:
        judge()
    except Unexpected:
        why = made.left_open() if isinstance(made, Shown) else ""
        if why:
            raise NotApplicable(why) from None
        raise


def of_responder(identifier: str) -> str:
    """The id of the purpose where we are the responder."""
    prefix, rest = identifier.split("-", 1)
    return f"{prefix}-responder-{rest}"


def in_both(
    written: Callable[..., Any],
    responder: Callable[[AsResponder], AsResponder],
    initiator: Callable[[AsInitiator], AsInitiator],
    first: AsResponder,
    second: AsInitiator,
) -> AsResponder:
    """Make both purposes of what is ``written``, and put the one where the device is the initiator beside it."""
    for test, name in ((first, written.__name__), (second, f"{written.__name__}_of_responder")):
        test.__name__ = test.__qualname__ = name
        test.__module__, test.__doc__ = written.__module__, written.__doc__
    vars(sys.modules[written.__module__])[second.__name__] = initiator(second)
    return responder(first)


def _shown(peer: Peer, made: Leaf | Shown) -> Shown:
    return made if isinstance(made, Shown) else Shown(ourselves(peer, chain=made.chain, key=made.key))


# --- what we are called ---------------------------------------------------------------------------------------------


def domain_name(peer: Peer) -> str:
    """Our identity, a domain name. Raises NotApplicable where it is something else."""
    return _name(peer, IdType.FQDN, "domain name")


def mail_address(peer: Peer) -> str:
    """Our identity, a mail address. Raises NotApplicable where it is something else."""
    return _name(peer, IdType.RFC822_ADDR, "mail address")


def _name(peer: Peer, kind: IdType, text: str) -> str:
    identity = peer.connection.local.identity
    if identity.id_type != kind:
        raise NotApplicable(f"our identity is no {text}")
    return str(identity)


def called(name: str | None = None) -> Setup:
    """Certificates, and this is our identity; None: the address that we send from."""

    def setup(pixit: Pixit) -> Connection:
        ours, device, trust = certified(pixit)
        identity = Identity.of(name or pixit.tester_address)
        if pixit.credentials.ours is not None and ours.identity != identity:
            raise NotApplicable(f"our certificate is not for {identity}")
        if pixit.credentials.ours is None:
            made = authority().issue(str(identity), sans=[str(identity)])
            ours = Party(identity, PublicKey((made.certificate,), made.key))
        return build(ours, device, pixit, trust=trust)

    return setup


def certificate(peer: Peer, issuer: Authority, *names: str | x509.GeneralName, **changes: Any) -> Leaf:
    """A certificate for these names, with a key of its own: a device may have the right one for our usual key."""
    subject = changes.pop("subject", str(peer.connection.local.identity))
    return issuer.issue(subject, sans=names, **{"key": new_key("ecdsa"), **changes})
