"""Signatures that are bent, shown to the device in both roles. What is written makes the data of our AUTH payload."""

from collections.abc import Callable

from conformance.crypto.pki import Key
from conformance.ike.core.connection import PublicKey
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, AuthMethod
from peers.capabilities import Capability
from suites.certificates.roles import NOT_CREATED, TOLD, AsResponder, in_both, of_responder
from suites.connections import Setup
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.purpose import purpose

Forge = Callable[[Key, bytes], bytes]
"""From our private key and the octets to sign, the data of AUTH with method 14."""


def forged(identifier: str, *requirements: str, connection: Setup) -> Callable[[Forge], AsResponder]:
    """The device must not take this for our signature, in either role."""

    def register(forge: Forge) -> AsResponder:
        def first(peer: Peer) -> None:
            sa = peer.sa()
            sa.init()
            must_be_refused(peer, sa, _bent(sa, forge))

        def second(peer: Peer, dut: Dut) -> None:
            attempt = begun(peer, dut)
            attempt.sa.answer(attempt.request, bend=_bent(attempt.sa, forge))
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


def _bent(sa: ScriptedSa, forge: Forge) -> Bend:
    auth = sa.own_party().auth
    assert isinstance(auth, PublicKey) and auth.key is not None
    data = forge(auth.key, sa.signed_octets(sa.own_identity()))  # type: ignore[arg-type]
    return bend.change(AUTH, method=AuthMethod.DIGITAL_SIGNATURE, data=data, text="another signature")
