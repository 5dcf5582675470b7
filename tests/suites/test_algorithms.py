"""No purpose names an algorithm that is not its subject, and all of them judge alike whatever a device takes."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.crypto import CryptoError
from conformance.crypto.keywords import transform
from conformance.script.verdict import NotApplicable
from peers.algorithms import MUSTS, Limits
from peers.contract import Pixit
from peers.reference.device import PIXIT, ReferenceDevice
from suites.choices import must_take
from suites.conduct import all_purposes, conduct
from suites.judge import Verdict

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
    "init-weak-algorithms",
    "init-encr-null",
    "init-integ-none",
    "ike-rekey-by-device",
    "auth-no-ke",
    "data-overhead-table",
}
"""Those about single algorithms, or about one that must not be (NULL, NONE, DES)."""
PLACES = {
    "ike_sa_init/test_key_exchange.py": "MODP, ECP and Curve25519 have rules of their own",
    "data_plane/test_sizes.py": "the sizes that each suite makes",
    "interop/scenarios.py": "the scenarios of proposals",
    "choices.py": "roles that are about a kind of cipher or group",
    "options.py": "an example in the help text",
    "create_child_sa/test_unprotected_child.py": "ciphers without integrity",
    "foreign.py": "NULL takes the place of no cipher",
    "create_child_sa/test_ike_rekey.py": "group NONE in ike-rekey-group-none",
}
"""Where else they may be named, and why."""
REGISTRIES = ("Encr", "Integ", "KeMethod", "Prf")


def names_algorithm(text: str) -> bool:
    """Whether a literal is a proposal, part of one, or a keyword."""
    words = [one for one in text.split("-") if one]
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
        for node in ast.walk(top):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and names_algorithm(node.value):
                found.setdefault(owner(top, module), set()).add(node.value)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in REGISTRIES:
                found.setdefault(owner(top, module), set()).add(f"{node.value.id}.{node.attr}")
    return found


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

WORLDS = {
    "musts": (Limits(MUSTS.ike, MUSTS.esp, MUSTS.ah), 30),
    "ecp384": (Limits(("aes256-sha384-ecp384",), ("aes256-sha384",), ("sha384",)), 33),
    "old-router": (Limits(("aes128-sha1-modp2048",), ("aes128-sha1",), ("sha1",)), 30),
    "chacha-x448": (Limits(("chacha20poly1305-prfsha512-x448",), ("chacha20poly1305",), ("sha512",)), 45),
    "chacha-x25519": (Limits(("chacha20poly1305-prfsha512-x25519",), ("chacha20poly1305",), ("sha512",)), 43),
}
"""What a device may be limited to, and how many purposes at most then cannot be tried."""
LACKS = re.compile(
    r"the device takes (no|none of) .*|reference does not take .* for (IKE|ESP|AH)|"
    r"all that the device offers makes a request of \d+ octets only"
)
PART = sorted({one.subject for one in all_purposes().values()})


def conducted(world: str, subject: str) -> dict[str, Verdict]:
    """The verdicts on the purposes of a subject in a world."""
    device = ReferenceDevice()
    device.limits = WORLDS[world][0]
    with device:
        chosen = [one for one in all_purposes().values() if one.subject == subject]
        return {one.purpose.id: conduct(one, device)[0] for one in chosen}


@pytest.mark.parametrize("subject", PART)
@pytest.mark.parametrize("world", WORLDS)
def test_all_pass_in_every_world(world: str, subject: str) -> None:
    found = conducted(world, subject)
    wrong = {one: f"{it.verdict}: {it.reason}" for one, it in found.items() if it.verdict not in ("pass", "n/a")}
    assert not wrong
    vague = {one: it.reason for one, it in found.items() if it.verdict == "n/a" and not LACKS.fullmatch(it.reason)}
    assert not vague, "the reason names what is missing"


@pytest.mark.parametrize("world", WORLDS)
def test_little_is_lost(world: str) -> None:
    limits, most = WORLDS[world]
    algorithms = ReferenceDevice().pixit.algorithms.within(limits)
    lost = [one for one in all_purposes() if not possible(one, replace(PIXIT, algorithms=algorithms))]
    assert len(lost) <= most, f"{len(lost)}: {', '.join(lost)}"


def possible(identifier: str, pixit: Pixit) -> bool:
    """Whether the connection of a purpose can be made of the algorithms of a device."""
    try:
        must_take("reference", pixit.algorithms, all_purposes()[identifier].purpose.setup(pixit))
    except NotApplicable:
        return False
    return True
