"""Roles: what purposes ask of a device's algorithms."""

import pytest

from conformance.script.verdict import NotApplicable
from peers.algorithms import MUSTS, Algorithms
from peers.reference.device import ALGORITHMS
from suites import choices
from suites.choices import Choice
from suites.foreign import beside, other

ROUTER = Algorithms(
    ike=("aes256gcm16-prfsha384-ecp384", "aes256-aes128-sha256-modp2048-ecp256"),
    esp=("aes256gcm16", "aes256-sha256"),
)
APART = Algorithms(
    ike=("aes256-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha512-ecp256"), esp=("aes256-sha256-ecp256",)
)
ROLES = {
    choices.own: ("aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha384-ecp384", "aes256-sha256-modp2048"),
    choices.separate: ("aes128-sha256-x25519", "aes256-sha256-modp2048", "aes256-sha256-modp2048"),
    choices.two_groups: (
        "aes128gcm16-prfsha256-x25519-ecp256",
        "aes256gcm16-prfsha384-ecp384 aes256-sha256-modp2048",
        "aes256-sha256-modp2048-ecp256",
    ),
    choices.two_prfs: (
        "aes128gcm16-prfsha256-prfsha384-x25519",
        "aes256gcm16-prfsha384-ecp384 aes256-sha256-modp2048",
        "aes256-sha256-modp2048 aes256-sha512-ecp256",
    ),
    choices.including("ecp256"): ("aes128gcm16-prfsha256-ecp256", "aes256-sha256-ecp256", "aes256-sha256-ecp256"),
    choices.longest_prf: ("aes128gcm16-prfsha512-x25519", "aes256gcm16-prfsha384-ecp384", "aes256-sha512-ecp256"),
    choices.esp: ("aes128gcm16", "aes256gcm16", "aes256-sha256-ecp256"),
    choices.esp_separate: ("aes128-sha256", "aes256-sha256", "aes256-sha256-ecp256"),
    choices.pfs: ("aes128gcm16-x25519", "aes256gcm16-ecp384", "aes256-sha256-ecp256"),
}
"""Roles, and what they are on three devices: that with everything, a router, and one with suites one by one."""


@pytest.mark.parametrize(("choice", "wanted"), ROLES.items())
def test_roles(choice: Choice, wanted: tuple[str, str, str]) -> None:
    assert tuple(" ".join(choice(one)) for one in (ALGORITHMS, ROUTER, APART)) == wanted


@pytest.mark.parametrize(
    ("choice", "missing"),
    [
        (choices.two_groups, "second key exchange method"),
        (choices.two_prfs, "second PRF"),
        (choices.including("x25519"), "suite with x25519"),
        (choices.esp_null, "suite without encryption"),
        (choices.esp_esn, "suite with extended sequence numbers"),
        (choices.aead, "suite with a combined-mode cipher"),
        (choices.pfs_two_groups, "second key exchange method"),
    ],
)
def test_what_is_missing_is_named(choice: Choice, missing: str) -> None:
    with pytest.raises(NotApplicable, match=f"the device takes no {missing}"):
        choice(MUSTS)


def test_what_stands_beside_the_devices_suite() -> None:
    assert beside("aes128gcm16-prfsha256-x25519") == "chacha20poly1305-aes128gcm16-prfsha384-prfsha256-x25519-ecp256"
    assert beside("aes128-sha256-modp2048").startswith("aes128ctr-aes128-")
    assert other("aes128-sha256-modp2048") == "aes128ctr-sha256-modp2048"
