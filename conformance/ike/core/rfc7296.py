"""`Rfc7296`: all exchanges of RFC 7296 with what nobody runs it without, fragmentation and better signatures."""

from conformance.ike.core.auth import AuthExchange
from conformance.ike.core.child_policy import ChildPolicy
from conformance.ike.core.child_sa import ChildExchange
from conformance.ike.core.config_mode import ConfigMode
from conformance.ike.core.fragmentation import Fragmentation
from conformance.ike.core.ike_rekey import IkeRekey
from conformance.ike.core.informational import InformationalExchange
from conformance.ike.core.nat import NatTraversal
from conformance.ike.core.reauthentication import Reauthentication
from conformance.ike.core.sa_init import InitExchange


class Rfc7296(
    ConfigMode,
    IkeRekey,
    Reauthentication,
    ChildPolicy,
    ChildExchange,
    InformationalExchange,
    AuthExchange,
    InitExchange,
    Fragmentation,
    NatTraversal,
):
    """An IKE SA in either role that behaves as RFC 7296 says (with RFC 7383 and RFC 7427)."""
