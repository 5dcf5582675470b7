"""A device that somebody has configured by hand, once, runs every purpose whose connection is the one that it has."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import CookiePolicy, Eap, Identity, Mode, PublicKey
from conformance.wire import IdType
from peers.byhand import as_configured
from peers.capabilities import Capability
from peers.contract import Unsupported
from peers.credentials import USUAL, Credentials
from peers.reference.device import CAPABILITIES, ReferenceDevice
from suites.conduct import Written, all_purposes, conduct
from suites.connections import Setup, certificates, psk
from suites.data_plane.tunnels import for_ipv4
from suites.ike_auth.steps import named
from suites.judge import Verdict

RESPONDERS = [one for one in all_purposes().values() if one.purpose.role == "responder"]
ELSEWHERE = ("aaa", "certificates", "configuration", "eap", "eap_tls")
"""Subjects whose connection is another one: with a user, an AAA server, a pool, or a certificate of our making."""
OTHERS = [one for one in RESPONDERS if one.subject not in ELSEWHERE]


def routers() -> dict[str, Callable[[], ReferenceDevice]]:
    """Devices with a shared key, with certificates of an authority whose key is elsewhere, with users beside them."""
    made = {"psk": lambda: ReferenceDevice("+configured-by-hand"), "certificates": certified_router}
    return {**made, "gateway": gateway}


def certified_router(kind: str = "rsa") -> ReferenceDevice:
    """One with certificates: what it has itself stands nowhere but in `Certified`."""
    authority = Authority.create("CA of the routers", kind)
    ours = authority.issue("tester.routers.example", kind, ["tester.routers.example"])
    device = Certified("+configured-by-hand")
    device.own = authority.issue("device.routers.example", kind, ["device.routers.example"])
    credentials = Credentials(
        Identity.of("tester.routers.example"),
        Identity.of("device.routers.example"),
        ours=PublicKey(ours.chain, ours.key),
        trust=(authority.certificate,),
    )
    device.pixit = replace(device.pixit, credentials=credentials)
    return device


def gateway(kind: str = "ecdsa") -> ReferenceDevice:
    """One for remote workers: certificates, users with EAP, inner addresses."""
    device = certified_router(kind)
    agreed = replace(device.pixit.credentials, eap_identity="worker", eap_secret=b"a password")
    device.pixit = replace(device.pixit, credentials=agreed, device_pool="10.50.0.0/24")
    return device


class Certified(ReferenceDevice):
    """A device with a certificate that is not in the file."""

    own: Any

    def apply(self, connection: Any) -> None:
        found = as_configured(self, connection)
        own, auth = PublicKey(self.own.chain, self.own.key), found.local.auth
        if isinstance(auth, Eap):
            found = replace(found, local=replace(found.local, auth=replace(auth, certificate=own)))
        elif isinstance(auth, PublicKey):
            found = replace(found, local=replace(found.local, auth=own))
        self.engine.apply(found)


def verdict_on(written: Written, make: Callable[[], ReferenceDevice]) -> Verdict:
    with make() as device:
        return conduct(written, device)[0]


@pytest.mark.grows
@pytest.mark.parametrize("router", routers())
def test_most_purposes_run(
    router: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    tried = RESPONDERS if router == "gateway" else list(all_purposes().values())
    if not pytestconfig.getoption("--all-variants"):
        tried = Random(f"1/{router}").sample(tried, len(tried) // 8)
    found = {one.purpose.id: verdict_on(one, routers()[router]) for one in tried}
    wrong = {one: f"{it.verdict}: {it.reason}" for one, it in found.items() if it.verdict not in ("pass", "n/a")}
    assert not wrong
    ran = Counter(one.purpose.role for one in tried if found[one.purpose.id].verdict == "pass")
    for role, number in ran.items():
        record_property(f"purposes on a device configured by hand ({router}), {role}", number)
    others = [one for one in OTHERS if one.purpose.id in found]
    passed = sum(found[one.purpose.id].verdict == "pass" for one in others)
    record_property(f"of those whose connection may be its own ({router})", f"{passed} of {len(others)}")
    assert passed >= len(others) / 2, "docs/adding-a-device.md says so"
    assert router != "gateway" or ran["responder"] >= len(tried) / 2, "docs/adding-a-device.md says so"
    for identifier, verdict in found.items():
        assert verdict.verdict == "pass" or verdict.reason, identifier


@pytest.mark.parametrize(
    ("setup", "difference"),
    [
        (named(Identity.of("me@example"), USUAL.device), "with our identity tester.ikespec.example, not me@example"),
        (named(USUAL.tester, Identity.of("1.2.3.4")), "with its identity device.ikespec.example, not 1.2.3.4"),
        (psk(secret=b"other"), "with another shared key"),
        (certificates(), "without certificates"),
        (psk(lifetime=7.0), "without lifetime = 7.0"),
        (psk(child_lifetime=7.0), "without a lifetime of 7 s"),
        (psk(dpd_delay=1.0), "without dpd_delay = 1.0"),
        (psk(cookies=CookiePolicy.ALWAYS), "without cookies = always"),
        (psk(mobike=True), "without mobike"),
        (psk(mode=Mode.TRANSPORT), "in tunnel mode"),
        (psk(local_ts=("10.9.0.0/24",)), "with the selectors 10.1.0.0/24, not 10.9.0.0/24"),
        (psk(remote_pool="10.77.0.0/24"), "without the pool 10.77.0.0/24"),
        (for_ipv4, "without GRE"),
        (psk(esp=("aes256-sha256-ecp384",)), "without a key exchange for Child SAs"),
        (psk(fragment_size=576), "without fragment_size = 576"),
        (psk(local_ports=(501, 4501)), "without remote_ports = (501, 4501)"),
        (psk(remote_address="192.0.2.77"), "for other addresses than 192.0.2.77"),
    ],
)
def test_the_difference_is_named(setup: Setup, difference: str) -> None:
    device = ReferenceDevice("+configured-by-hand")
    with pytest.raises(Unsupported) as caught:
        as_configured(device, setup(device.profile).mirrored())
    assert caught.value.capability is Capability.CONFIGURABLE
    assert f"it is configured by hand, {difference})" in str(caught.value)


def test_what_fits_is_taken_with_all_algorithms() -> None:
    device = ReferenceDevice("+configured-by-hand")
    wanted = psk(name="another", retransmit_tries=7, initial_contact=False)(device.profile).mirrored()
    found = as_configured(device, wanted)
    assert found.proposals == device.pixit.algorithms.ike
    assert found.children[0].proposals == (*device.pixit.algorithms.esp, *device.pixit.algorithms.ah)
    assert found.name == "another"


FOREIGN = ("auth-unknown-identity", "auth-id-prefix", "auth-id-type-differs", "auth-wrong-responder-id")


@pytest.mark.parametrize("identifier", FOREIGN)
def test_a_device_that_is_meant_to_take_anybody(identifier: str) -> None:
    """What it lets in is held against it as long as nobody has said that it is meant so."""
    for meant in (False, True):
        device = ReferenceDevice("accepts-any-identity+configured-by-hand")
        device.pixit = replace(device.pixit, credentials=replace(USUAL, any_identity=meant))
        verdict = verdict_on(all_purposes()[identifier], lambda: device)  # noqa: B023
        assert verdict.verdict == ("n/a" if meant else "fail"), verdict.reason
        assert not meant or "secrets.any_identity" in verdict.reason


@pytest.mark.parametrize("identifier", FOREIGN[:3])
def test_a_certificate_speaks_for_its_identity_in_any_case(identifier: str) -> None:
    """That the shared key does for anybody says nothing of certificates."""
    device = certified_router()
    device.pixit = replace(device.pixit, credentials=replace(device.pixit.credentials, any_identity=True))
    assert verdict_on(all_purposes()[identifier], lambda: device).verdict == "pass"


def test_identities_of_the_device_are_used() -> None:
    device = ReferenceDevice("+configured-by-hand")
    key_ids = Credentials(Identity(IdType.KEY_ID, b"us"), Identity(IdType.KEY_ID, b"it"), b"secret")
    device.pixit = replace(device.pixit, credentials=key_ids)
    with device:
        verdict, peer = conduct(all_purposes()["auth-id-key-id"], device)
        assert verdict.verdict == "pass", verdict.reason
    assert peer is not None
    assert peer.connection.local.identity.data == b"us"
    with device:
        verdict, _ = conduct(all_purposes()["auth-id-email"], device)
    assert verdict.verdict == "n/a"


def test_the_reference_is_configurable() -> None:
    assert Capability.CONFIGURABLE in CAPABILITIES
