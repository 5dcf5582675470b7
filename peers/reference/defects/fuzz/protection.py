"""What is not protected, or not proved, is taken all the same."""

from conformance.ike.core.connection import Psk
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, Delete, Message, Notify
from peers.reference.defects.fuzz.registry import fuzz_defect


@fuzz_defect("requirement")
class AnswersInTheClear(IkeSa):
    """An established IKE SA answers requests in the clear."""

    def unprotected(self, message: Message) -> None:
        """Take a request that does no harm."""
        if self.state is State.ESTABLISHED and not message.is_response and not message.all(Delete):
            self.deliver(message)
        else:
            super().unprotected(message)


@fuzz_defect("requirement", "fuzz-established")
class DiesInTheClear(IkeSa):
    """An error notify in the clear ends an established IKE SA."""

    def unprotected(self, message: Message) -> None:
        """Believe it."""
        if self.state is State.ESTABLISHED and any(one.type < 16384 for one in message.all(Notify)):
            self.close("the peer says that it is not there any more")
        else:
            super().unprotected(message)


@fuzz_defect("requirement")
class ShortProof(IkeSa):
    """Of a shared key MIC only as many octets are compared as have come."""

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        """Compare what there is."""
        return computed.startswith(received)


@fuzz_defect("requirement")
class UnknownMethod(IkeSa):
    """An AUTH method that it does not know is taken for one that it need not check."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        """Check the one that it knows."""
        if auth.method == expected.method:
            super().check_shared_key(expected, auth, octets)
