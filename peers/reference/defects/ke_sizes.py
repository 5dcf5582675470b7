"""Defects about public values of the wrong size, and offers without a group."""

from collections.abc import Sequence

from conformance.crypto.ke import KeyExchange, key_exchange
from conformance.ike.core.events import Refusal
from conformance.ike.core.proposals import groups, of_type, parsed
from conformance.ike.ikesa import IkeSa
from conformance.wire import KE, KeMethod, NotifyType, Proposal, TransformType
from peers.reference.defects.registry import defect


class _MendsSizes(IkeSa):
    """Cuts public values to their size, and fills them up."""

    def fitted(self, method: KeMethod, public: bytes) -> bytes:
        size = len(key_exchange(method, self.random).public)
        if len(public) == size:
            return public
        # What comes of such a value matters little: it must be one that the group takes.
        return key_exchange(method, self.random).public

    def answer_key_exchange(self, method: KeMethod, public: bytes, *, fatal: bool) -> tuple[bytes, bytes]:
        return super().answer_key_exchange(method, self.fitted(method, public), fatal=fatal)

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        return super().shared_secret(exchange, self.fitted(exchange.method, public))


@defect(
    "init-ke-size",
    "child-ke-size",
    "ike-rekey-ke-size",
    "init-response-ke-empty",
    "init-response-ke-doubled",
    "child-response-ke-size",
    "ike-rekey-response-ke-size",
)
class TakesAnySizeOfKe(_MendsSizes):
    """Takes public values of any size."""


@defect("init-ke-of-no-proposal")
class AsksForAnyGroup(IkeSa):
    """Asks for KE of a group that nobody offered when the KE payload has one that is not in the offer."""

    def check_group(self, suite: object, ke: KE) -> None:
        if ke.method not in groups(parsed(self.connection.proposals)):
            raise Refusal(NotifyType.INVALID_KE_PAYLOAD, "another group", int(KeMethod.MODP_8192).to_bytes(2, "big"))
        super().check_group(suite, ke)  # type: ignore[arg-type]


@defect("init-no-group")
class GuessesGroup(IkeSa):
    """Goes on with a group of its own where the offer has none."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        bare = [one for one in proposals if not of_type(one, TransformType.KE)]
        return parsed(self.connection.proposals)[0] if bare else super().choose_ike(proposals, group)
