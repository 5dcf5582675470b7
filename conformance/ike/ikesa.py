"""`IkeSa`: the core and all extensions put together."""

from conformance.ike.core.rfc7296 import Rfc7296
from conformance.ike.extensions.address_families import AddressFamilies
from conformance.ike.extensions.auth_lifetime import AuthLifetime
from conformance.ike.extensions.childless import Childless
from conformance.ike.extensions.eap_auth import EapAuth
from conformance.ike.extensions.encrypted_dns import EncryptedDns
from conformance.ike.extensions.hash_and_url import HashAndUrl
from conformance.ike.extensions.ipv6_link import Ipv6Link
from conformance.ike.extensions.multiple_auth import MultipleAuth
from conformance.ike.extensions.null_auth import NullAuthentication
from conformance.ike.extensions.ocsp_in_ike import OcspInIke
from conformance.ike.extensions.raw_keys import RawPublicKeys
from conformance.ike.extensions.redirect import Redirect
from conformance.ike.extensions.revocation import RevocationChecking
from conformance.ike.extensions.route_exchange import RouteExchange
from conformance.ike.extensions.several_connections import SeveralConnections
from conformance.ike.extensions.split_dns import SplitDns


class IkeSa(
    Redirect,
    AuthLifetime,
    MultipleAuth,
    EapAuth,
    NullAuthentication,
    RawPublicKeys,
    OcspInIke,
    RevocationChecking,
    HashAndUrl,
    Childless,
    RouteExchange,
    SeveralConnections,
    AddressFamilies,
    Ipv6Link,
    EncryptedDns,
    SplitDns,
    Rfc7296,
):
    """An IKE SA in either role with every extension that we have; the connection says which of them are in use."""
