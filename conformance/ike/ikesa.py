"""`IkeSa`: the core and all extensions put together."""

from conformance.ike.core.rfc7296 import Rfc7296
from conformance.ike.extensions.childless import Childless
from conformance.ike.extensions.eap_auth import EapAuth
from conformance.ike.extensions.multiple_auth import MultipleAuth
from conformance.ike.extensions.null_auth import NullAuthentication
from conformance.ike.extensions.raw_keys import RawPublicKeys


class IkeSa(MultipleAuth, EapAuth, NullAuthentication, RawPublicKeys, Childless, Rfc7296):
    """An IKE SA in either role with every extension that we have; the connection says which of them are in use."""
