"""Signatures of our own making, shown to the device in both roles. What is written makes the data of our AUTH."""

from collections.abc import Callable, Sequence

from conformance.crypto.pki import Key
from conformance.ike.core.connection import Party, PublicKey
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.certificates.roles import NOT_CREATED, TOLD, AsResponder, in_both, of_responder
from suites.connections import Setup
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by, must_succeed, ourselves, without_notify
from suites.purpose import purpose

Forge = Callable[[Key, bytes], bytes]
"""From our private key and the octets to sign, the data of AUTH."""


def forged(
    identifier: str, *requirements: str, connection: Setup, also: Sequence[Forge] = ()
) -> Callable[[Forge], AsResponder]:
    """The device must not take this for our signature, in either role, nor any of ``also``, each by itself.

    As initiator, where each takes longer, it gets the first three.
    """

    def register(forge: Forge) -> AsResponder:
        ways = (forge, *also)

        def first(peer: Peer) -> None:
            for way in ways:
                sa = peer.sa()
                sa.init()
                must_be_refused(peer, sa, _bent(sa, way))

        def second(peer: Peer, dut: Dut) -> None:
            for way in ways[:3]:
                attempt = begun(peer, dut)
                attempt.sa.answer(attempt.request, bend=_bent(attempt.sa, way))
                must_be_refused_by(dut, peer, attempt)

        cited, needs = (*requirements, NOT_CREATED), (Capability.RFC7427,)
        return in_both(
            forge,
            purpose(identifier, *cited, TOLD, role="responder", connection=connection, needs=needs),
            purpose(of_responder(identifier), *cited, role="initiator", connection=connection, needs=needs),
            first,
            second,
        )

    return register


def genuine(
    identifier: str, *requirements: str, connection: Setup, method: AuthMethod = AuthMethod.DIGITAL_SIGNATURE
) -> Callable[[Forge], AsResponder]:
    """The device must take this for our signature, in either role.

    Another method than 14 is used where we announce no hash algorithms (RFC 7427, section 3), and only asked of a
    device that takes our ordinary signature by it: those of RFC 4754 nobody must have (RFC 8247, section 3.1).
    """
    named = method == AuthMethod.DIGITAL_SIGNATURE
    opening = None if named else without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    needs = (Capability.RFC7427,) if named else ()

    def register(forge: Forge) -> AsResponder:
        def first(peer: Peer) -> None:
            if not named:
                _known(peer, method, lambda party: _opened(peer, opening, party))
            sa = peer.sa()
            sa.init(opening)
            sa.auth(_bent(sa, forge, method))
            must_succeed(peer, sa, requirements[0])

        def second(peer: Peer, dut: Dut) -> None:
            def answered(party: Party | None = None, bent: Callable[[ScriptedSa], Bend] | None = None) -> ScriptedSa:
                dut.initiate()
                sa = peer.respond_init(peer.expect_init(), opening, local=party or peer.connection.local)
                sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bent and bent(sa))
                return sa

            if not named:
                _known(peer, method, answered)
            must_be_accepted_by(answered(bent=lambda sa: _bent(sa, forge, method)), requirements[0])

        return in_both(
            forge,
            purpose(identifier, *requirements, role="responder", connection=connection, needs=needs),
            purpose(of_responder(identifier), *requirements, role="initiator", connection=connection, needs=needs),
            first,
            second,
        )

    return register


def _opened(peer: Peer, opening: Bend | None, party: Party) -> ScriptedSa:
    """We initiate as somebody, and our IKE_AUTH request is answered."""
    sa = peer.sa(local=party)
    sa.init(opening)
    sa.auth()
    return sa


def _known(peer: Peer, method: AuthMethod, opened: Callable[[Party], ScriptedSa]) -> None:
    """The device takes our ordinary signature by this method. Raises NotApplicable."""
    sa = opened(ourselves(peer, method=method))
    try:
        must_be_accepted_by(sa)
    except Unexpected:
        raise NotApplicable(f"it takes no signature by the method {method.name}") from None
    sa.delete()


def _bent(sa: ScriptedSa, forge: Forge, method: AuthMethod = AuthMethod.DIGITAL_SIGNATURE) -> Bend:
    auth = sa.own_party().auth
    assert isinstance(auth, PublicKey) and auth.key is not None
    data = forge(auth.key, sa.signed_octets(sa.own_identity()))  # type: ignore[arg-type]
    return bend.change(AUTH, method=method, data=data, text="another signature")
