"""Authentication by nothing at all, of one side or of both (RFC 7619)."""

from conformance.ike.core.connection import Credential, NullAuth, Psk
from conformance.ike.core.spine import Spine
from conformance.wire import AuthMethod, Message


class NullAuthentication(Spine):
    """AUTH payloads of method 13: they bind the messages to each other, and prove nothing else."""

    initial_contact: bool = False

    def own_credential(self) -> Credential:
        """SK_pi of an initiator, SK_pr of a responder (RFC 7619, section 2.1)."""
        return self.credential_of_nobody(super().own_credential(), self.initiator)

    def peer_credential(self) -> Credential:
        """The same of the peer."""
        return self.credential_of_nobody(super().peer_credential(), not self.initiator)

    def auth_announced(self, message: Message) -> None:
        """Nobody knows which IKE SAs are of a peer that is nobody, so its INITIAL_CONTACT counts for none of them."""
        super().auth_announced(message)
        self.initial_contact = self.initial_contact and self.believes_contact()

    def believes_contact(self) -> bool:
        """Whether the identity of the peer is proved (RFC 7619, section 2.3)."""
        return not isinstance(self.peer_party().auth, NullAuth)

    def credential_of_nobody(self, configured: Credential, of_initiator: bool) -> Credential:
        """The key that takes the place of a shared one."""
        if not isinstance(configured, NullAuth):
            return configured
        assert self.keys is not None
        return Psk(self.keys.sk_pi if of_initiator else self.keys.sk_pr, AuthMethod.NULL)
