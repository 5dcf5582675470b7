"""No purpose names an algorithm that is not its subject, and all of them judge alike whatever a device takes."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from conformance.crypto import CryptoError
from conformance.crypto.keywords import transform
from conformance.eap.making import KNOWN as EAP_METHODS
from conformance.script.verdict import NotApplicable
from peers.algorithms import Limits
from peers.contract import DeviceError, Pixit
from peers.reference.device import ReferenceDevice
from suites.choices import must_take
from suites.conduct import all_purposes, conduct
from tests.suites.families import one_of_each

SUITES = Path(__file__).parents[2] / "suites"
PURPOSES = {
    "init-aes128-sha256-modp2048",
    "init-aes256-sha256-modp2048",
    "init-aes128-sha1-modp2048",
    "init-aes128-sha512-ecp256",
    "init-aes128gcm16",
    "init-aes256gcm16",
    "init-chacha20poly1305",
    "init-aes128ccm8",
    "init-aesxcbc",
    "init-x25519",
    "init-implicit-iv",
    "init-weak-algorithms",
    "init-weak-macs",
    "init-weak-groups",
    "init-modp-initiator",
    "init-ecp-initiator",
    "init-curve-initiator",
    "init-subgroup-initiator",
    "format-padding-chacha",
    "format-padding-chacha-initiator",
    "data-overhead-table",
    "data-gmac-initiator",
    "data-chacha-initiator",
    "data-ctr-initiator",
    "data-cbc-initiator",
}
"""Those about single algorithms."""
PLACES = {
    "ike_sa_init/test_key_exchange.py": "MODP, ECP and Curve25519 have rules of their own",
    "ike_sa_init/test_algorithms.py": "how long the public values of each group are",
    "ike_sa_init/test_proposals.py": "groups that nobody should take any more",
    "ike_sa_init/test_old_offers.py": "the offer of old routers",
    "configuration/test_common_clients.py": "what clients in wide use offer",
    "fragmentation/test_device.py": "a public value that is larger than a fragment",
    "ike_auth/test_examples.py": "the algorithms of whole configurations",
    "data_plane/test_algorithms.py": "what the RFC of each cipher says of it",
    "data_plane/test_sizes.py": "the sizes that each suite makes",
    "interop/scenarios.py": "the scenarios of proposals",
    "interop/connections.py": "the hashes of the scenarios of signatures",
    "ike_sa_init/test_doubled.py": "ciphers whose keys have one length only",
    "ike_sa_init/test_combined.py": "an integrity algorithm beside a cipher that needs none",
    "choices.py": "roles that are about a kind of cipher or group",
    "options.py": "an example in the help text",
    "create_child_sa/test_unprotected_child.py": "ciphers without integrity",
    "certificates/test_strength.py": "a DSA key lives in one of the groups",
    "ike_sa_init/test_doubts.py": "algorithms that nobody specifies for IKE",
    "create_child_sa/test_odd_offers.py": "an integrity algorithm beside a cipher that needs none",
    "eap/test_exchange.py": "pseudorandom functions that take keys of one length only",
    "invariants/proposals.py": "which ciphers demand a key length, and how long public values are",
}
"""Where else they may be named, and why."""
REGISTRIES = ("Encr", "Integ", "KeMethod", "Prf")


def names_algorithm(text: str) -> bool:
    """Whether a literal is a proposal, part of one, or a keyword."""
    words = [one for one in text.split("-") if one]
    if text in EAP_METHODS:
        return False
    try:
        return bool(words) and bool([transform(one) for one in words]) and re.search(r"\d|aes|prf", text) is not None
    except CryptoError:
        return False


def owner(node: ast.AST, module: str) -> str:
    """The purpose that a function is, else the module."""
    for one in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "purpose":
            first = one.args[0]
            assert isinstance(first, ast.Constant)
            return str(first.value)
    return module


def named(module: str) -> dict[str, set[str]]:
    """The algorithms that each purpose of a module names: in literals, and as members of the registries of IANA."""
    found: dict[str, set[str]] = {}
    for top in ast.parse((SUITES / module).read_text()).body:
        for one in filter(None, map(algorithm_in, ast.walk(top))):
            found.setdefault(owner(top, module), set()).add(one)
    return found


def algorithm_in(node: ast.AST) -> str:
    """The algorithm that a piece of code is, empty if it is none; that there is no algorithm is none, too."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if names_algorithm(node.value) else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in REGISTRIES:
        return "" if node.attr in ("NONE", "NULL") else f"{node.value.id}.{node.attr}"
    return ""


MODULES = sorted(one.relative_to(SUITES).as_posix() for one in SUITES.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_algorithms_are_named_only_where_they_are_the_subject(module: str) -> None:
    allowed = PURPOSES | set(PLACES)
    found = {who: what for who, what in named(module).items() if who not in allowed}
    assert not found, "ask for a role of suites.choices instead"


def test_every_exception_is_one() -> None:
    found = {who for module in MODULES for who in named(module)}
    assert found == PURPOSES | set(PLACES)


# --- worlds -----------------------------------------------------------------------------------------------------------

WORLDS = {"must-algorithms": 80, "old-router": 86, "strong-algorithms": 87, "cha-cha": 107}
"""Variants that live in other worlds, and how many purposes at most cannot be tried there; all others pass there."""
LIMITS = Limits(("chacha20poly1305-prfsha512-x25519",), ("aes256-sha384",), ("sha512",))
LACKS = re.compile(
    r"the device takes (no|none of|nothing that) .*|reference does not take .* for (IKE|ESP|AH)|"
    r"all that the device offers makes a request of \d+ octets only|the device's request to rekey fits into the path"
)
SUBJECTS = sorted({one.subject for one in all_purposes().values()})


@pytest.mark.parametrize("world", WORLDS)
def test_little_is_lost(world: str, record_property: Callable[[str, object], None]) -> None:
    pixit = ReferenceDevice(f"+{world}").profile
    lost = {one: reason for one in all_purposes() if (reason := impossible(one, pixit))}
    record_property(f"purposes that a device with {world} cannot try", len(lost))
    assert len(lost) <= WORLDS[world], ", ".join(lost)
    vague = {one: reason for one, reason in lost.items() if not LACKS.fullmatch(reason)}
    assert not vague, "the reason names what is missing"


def impossible(identifier: str, pixit: Pixit) -> str:
    """Why the connection of a purpose cannot be made of the algorithms of a device, empty if it can."""
    try:
        must_take("reference", pixit.algorithms, all_purposes()[identifier].purpose.setup(pixit))
    except NotApplicable as missing:
        return str(missing)
    return ""


@pytest.mark.grows
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_run_keeps_to_what_it_is_limited_to(subject: str) -> None:
    device = ReferenceDevice()
    device.limits = LIMITS
    found = [name for name, written in all_purposes().items() if written.subject == subject]
    for written in map(all_purposes().__getitem__, one_of_each(found, Random(subject))):
        with device:
            verdict, peer = conduct(written, device)
        lacks = verdict.verdict == "n/a" and LACKS.fullmatch(verdict.reason)
        assert verdict.verdict == "pass" or lacks, f"{written.purpose.id}: {verdict.verdict}: {verdict.reason}"
        assert peer is None or peer.connection.proposals == LIMITS.ike, written.purpose.id


def test_a_device_is_limited_to_what_it_takes() -> None:
    device = ReferenceDevice()
    device.limits = Limits(ike=("aes128-sha256-modp768",))
    with pytest.raises(DeviceError, match="reference: does not take modp768 for IKE"):
        _ = device.profile
