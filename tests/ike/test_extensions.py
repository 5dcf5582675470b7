"""An extension is one file: without it, everything that does not need it goes on as before.

With ``--all-variants`` by all purposes, else by those that the seed chooses.
"""

from dataclasses import replace
from random import Random

import pytest

from conformance.ike.core.config_mode import ConfigMode
from conformance.ike.core.fragmentation import Fragmentation
from conformance.ike.core.nat import NatTraversal
from conformance.ike.core.rfc7296 import Rfc7296
from conformance.ike.endpoint import Endpoint
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
from conformance.ike.ikesa import IkeSa
from peers.capabilities import Capability
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct

SEED, SAMPLE, LONG = 1, 150, 10.0
"""What waits for so many seconds is tried with ``--all-variants`` only."""

NEEDED: dict[type, frozenset[Capability]] = {
    Childless: frozenset({Capability.CHILDLESS}),
    ConfigMode: frozenset(
        {
            *(Capability.VIRTUAL_IP, Capability.VIRTUAL_IP6, Capability.VIRTUAL_IPS, Capability.CONFIG_DNS),
            *(Capability.CONFIG_SUBNETS, Capability.SPLIT_DNS, Capability.ENCRYPTED_DNS, Capability.ROUTE_EXCHANGE),
            *(Capability.ADDRESS_FAMILIES, Capability.IPV6_LINK),
        }
    ),
    AddressFamilies: frozenset({Capability.ADDRESS_FAMILIES}),
    Ipv6Link: frozenset({Capability.IPV6_LINK}),
    SeveralConnections: frozenset({Capability.SEVERAL_CONNECTIONS}),
    SplitDns: frozenset({Capability.SPLIT_DNS}),
    EncryptedDns: frozenset({Capability.ENCRYPTED_DNS}),
    RouteExchange: frozenset({Capability.ROUTE_EXCHANGE}),
    EapAuth: frozenset({Capability.EAP, Capability.EAP_PEER, Capability.EAP_ONLY}),
    MultipleAuth: frozenset({Capability.MULTIPLE_AUTH}),
    NullAuthentication: frozenset({Capability.NULL_AUTH}),
    OcspInIke: frozenset({Capability.OCSP_IN_IKE}),
    HashAndUrl: frozenset({Capability.HASH_AND_URL}),
    RawPublicKeys: frozenset({Capability.RAW_PUBLIC_KEYS}),
    RevocationChecking: frozenset(
        {
            *(Capability.CRL, Capability.CRL_OF_ANCHOR, Capability.CRL_IN_IKE),
            *(Capability.OCSP, Capability.OCSP_IN_IKE),
        }
    ),
    AuthLifetime: frozenset(
        {Capability.AUTH_LIFETIME, Capability.AUTH_LIFETIME_LATER, Capability.AUTH_LIFETIME_CLIENT}
    ),
    Redirect: frozenset(
        {Capability.REDIRECT, Capability.REDIRECT_INIT, Capability.REDIRECT_AUTH, Capability.REDIRECT_LATER}
    ),
    Fragmentation: frozenset({Capability.FRAGMENTATION}),
    NatTraversal: frozenset({Capability.NAT_T, Capability.FORCED_ENCAPSULATION}),
}
"""What a device can no longer do without a part: each extension, and what is optional in the core."""


def without(part: type) -> type[IkeSa]:
    """`IkeSa` as if ``part`` had never been written: it is in neither list of bases."""
    core = type("Core", tuple(base for base in Rfc7296.__bases__ if base is not part), {})
    extensions = tuple(base for base in IkeSa.__bases__ if base not in (part, Rfc7296))
    found: type[IkeSa] = type("Without", (*extensions, core), {})
    assert part not in found.__mro__
    return found


def test_each_extension_can_be_taken_out() -> None:
    assert {base for base in IkeSa.__bases__ if base is not Rfc7296} <= NEEDED.keys()


@pytest.mark.grows
@pytest.mark.parametrize("part", NEEDED, ids=lambda part: part.__name__)
def test_without_it_all_other_purposes_pass(part: type, pytestconfig: pytest.Config) -> None:
    purposes = all_purposes()
    everything = pytestconfig.getoption("--all-variants")
    short = sorted(name for name, one in purposes.items() if one.purpose.waits < LONG)
    chosen = purposes if everything else Random(f"{SEED}/{part.__name__}").sample(short, SAMPLE)
    device = ReferenceDevice()
    device.capabilities -= NEEDED[part] | {Capability.AAA}  # a gateway's IKE SA is of a class of its own
    device.model = replace(device.model, endpoint_class=type("Lacking", (Endpoint,), {"sa_class": without(part)}))
    passed, wrong = 0, []
    for identifier in chosen:
        with device:
            verdict, _ = conduct(purposes[identifier], device)
        passed += verdict.verdict == "pass"
        if verdict.verdict not in ("pass", "n/a"):
            wrong.append(f"{identifier}: {verdict.verdict}: {verdict.reason}")
    assert not wrong and passed > len(chosen) // 2, "\n".join(wrong)
