"""The device file that a probe writes: what it has found out, and in comments what it could not know."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from conformance.crypto.keywords import keyword
from conformance.net.link import Address
from conformance.probe.findings import NO_NAT, ChildFindings, Cookies, Features, Findings
from conformance.probe.question import Box
from conformance.wire import Transform, TransformType
from conformance.wire.meaning import printable
from peers.algorithms import ALL, KINDS, MUSTS, computable, written
from peers.capabilities import Capability

KE = TransformType.KE
_SPOKEN = {one for texts in (ALL.ike, ALL.esp) for text in texts for one in text.split("-")}
ORDERS = """\
# Orders: without them every purpose that needs one is n/a. A command is run by the shell, a prompt asks a person.
# Add the capability that belongs to each: initiator, rekey-ike, rekey-child, delete-ike, delete-child, log ...
[commands]
# clear = "ssh admin@{device} 'clear crypto ikev2 sa'"      # ends all SAs before each purpose
# initiate = "ssh admin@{device} 'ping 10.1.0.1'"           # makes the device open the IKE SA; with "initiator"
# log = "ssh admin@{device} 'show logging'"                 # with "log"
"""
ANY_IDENTITY = """\
# It let in a stranger who has the shared key. Purposes about foreign identities are n/a as long as any_identity says
# that it is meant so; without that line they hold it against the device.
any_identity = true
"""


@dataclass(frozen=True, slots=True)
class Given:
    """What the person who probes has said: addresses, and the tables of who is who as TOML; empty: not known."""

    device: Address
    tester: Address
    nat_port: int = 4500
    identities: str = ""
    secrets: str = ""
    certificates: str = ""
    authentication: str = "psk"
    """The capability that our credentials are about."""

    @property
    def believed(self) -> bool:
        """Whether there are credentials."""
        return bool(self.secrets or self.certificates)


def device_file(found: Findings, given: Given, when: datetime) -> str:
    """The text of a file that `peers.devicefile.read_device` takes as it is."""
    parts = [
        _head(found, given, when),
        _device(found, given),
        _addresses(found, given),
        _credentials(found, given),
        _algorithms(found),
        _pools(found.child),
        "[timers]\nresponse_timeout = 2.0\n# Purposes about how it repeats its own requests need retransmit_timeout, "
        "retransmit_base and retransmit_tries.\n",
        ORDERS,
    ]
    return "\n".join(part for part in parts if part)


def _head(found: Findings, given: Given, when: datetime) -> str:
    how = "with" if given.believed else "without"
    lines = [
        f"# What ikespec probe {given.device} has found out on {when:%Y-%m-%d at %H:%M}, {how} credentials.",
        "# Every line may be changed; what could not be known is in comments. ikespec run --dut THIS-FILE takes it.",
        *(f"# {_safe(note)}" for note in found.notes),
        *(f"# IKEv1 beside it: {_safe(str(one))}" for one in found.ikev1 if one.suite or one.error),
    ]
    return "\n".join([*lines, ""])


def _device(found: Findings, given: Given) -> str:
    words, remarks = capabilities(found, given)
    name = "probed-" + given.device.host.replace(":", "-")
    version = next((one for one in found.features.vendors if not one.startswith("unknown")), "")
    lines = ["[device]", f"name = {json.dumps(name)}"]
    lines += [f"# It says of itself: {_safe(', '.join(found.features.vendors))}"] if version else []
    lines += ["capabilities = [", *(f"    {json.dumps(str(word))}," for word in words), "]", *remarks, ""]
    return "\n".join(lines)


def capabilities(found: Findings, given: Given) -> tuple[list[Capability], list[str]]:
    """The words of what was seen, and remarks on what could not be."""
    features, child = found.features, found.child
    believed = child is not None and not child.problem
    seen = [Capability.RESPONDER, Capability(given.authentication), Capability.TUNNEL]
    claims = {
        Capability.FRAGMENTATION: features.fragmentation,
        Capability.NAT_T: features.nat_detection and features.nat == NO_NAT,
        Capability.CHILDLESS: features.childless,
        Capability.RFC7427: bool(features.hashes) and given.authentication != "psk",
        Capability.COOKIE: found.cookies is not Cookies.NEVER,
        Capability.IPV6: ":" in given.device.host,
    }
    remarks = (
        ["# Not seen in a probe: whether it asks for cookies under load (cookie)."]
        if not claims[Capability.COOKIE]
        else []
    )
    if child is not None and believed:
        claims |= {
            Capability.MULTIPLE_CHILDREN: child.several,
            Capability.NARROWING: bool(child.its_selectors) and child.its_selectors != ("0.0.0.0/0",),
            Capability.PFS: bool(child.pfs),
            Capability.ESN: child.esn,
            Capability.TRANSPORT: child.transport,
            Capability.VIRTUAL_IP: bool(child.address),
        }
        if child.tunnel is False:
            seen.remove(Capability.TUNNEL)
        elif child.transport:
            remarks.append("# It makes Child SAs in transport mode, too; without tunnel purposes have these.")
    else:
        remarks.append(
            "# Only a peer with credentials sees: pfs, multiple-children, narrowing, esn, transport, virtual-ip."
        )
    if features.nat_detection and not claims[Capability.NAT_T]:
        remarks.append(
            f"# It does NAT detection, but {features.nat}: whether its hashes are right (nat-t) cannot be told."
        )
    beyond = [word for word, there in _beyond(features, child) if there]
    if beyond:
        remarks.append(f"# It also can, and no purpose of this file is about it yet: {', '.join(beyond)}.")
    return [*seen, *(word for word, there in claims.items() if there)], remarks


def _beyond(features: Features, child: ChildFindings | None) -> Iterator[tuple[str, object]]:
    yield "MOBIKE", child is not None and child.mobike
    yield "session resumption", child is not None and child.resumption
    yield "REDIRECT", features.redirect
    yield "PPK", features.ppk
    yield "IKE_INTERMEDIATE", features.intermediate
    yield "additional key exchanges", features.further_ke
    yield "EAP", child is not None and child.eap_only


def _addresses(found: Findings, given: Given) -> str:
    device, tester, child = given.device, given.tester, found.child
    lines = ["[addresses]"]
    if ":" in device.host:
        lines += ['device = "192.0.2.1"  # its IPv4 address is not known: put it here, and one of this host below']
        lines += ['tester = "192.0.2.2"', f'device6 = "{device.host}"', f'tester6 = "{tester.host}"']
    else:
        lines += [f'device = "{device.host}"', f'tester = "{tester.host}"  # ports 500 and 4500 must be free here']
    if (device.port, given.nat_port) != (500, 4500):
        lines.append(f"device_ports = [{device.port}, {given.nat_port}]")
    if child is not None and child.its_selectors and not child.problem:
        lines.append("# What it made of our wish for any traffic at all:")
        lines.append(f"device_networks = {json.dumps(list(child.its_selectors))}")
        lines += [f"tester_networks = {json.dumps(list(child.our_selectors))}"] if child.our_selectors else []
    else:
        lines.append("# Not known: the networks behind it and those that it lets us speak for.")
        lines += ['# device_networks = ["10.2.0.0/24"]', '# tester_networks = ["10.1.0.0/24"]']
    return "\n".join([*lines, ""])


def _credentials(found: Findings, given: Given) -> str:
    if given.identities or given.believed:
        parts = []
        identities = given.identities
        if found.child is not None and found.child.identity and "device =" not in identities:
            identities = (identities + f"device = {json.dumps(found.child.identity)}\n").lstrip()
        parts += [f"[identities]\n{identities}"] if identities else []
        any_identity = ANY_IDENTITY if found.child is not None and found.child.any_identity else ""
        parts += [f"[secrets]\n{given.secrets}{any_identity}"] if given.secrets else []
        parts += [f"[certificates]\n{given.certificates}"] if given.certificates else []
        if found.child is not None and found.child.problem:
            parts.insert(0, f"# With these it did not believe us: {_safe(found.child.problem)}\n")
        return "\n".join(parts)
    return (
        "# Not known: who it wants us to be, who it is, and the secret. Fill these in before the first run.\n"
        '[identities]\ntester = "tester.ikespec.example"\ndevice = "device.ikespec.example"\n\n'
        '[secrets]\npsk = "a shared key of the ikespec suites"\n'
        "# Or certificates in place of the secret (and rsa, ecdsa or ed25519 in place of psk above):\n"
        '# [certificates]\n# certificate = "tester.pem"\n# key = "tester.key"\n# authority = "ca.pem"\n'
    )


# --- algorithms -------------------------------------------------------------------------------------------------------


def speakable(one: Transform) -> bool:
    """Whether the suites speak a transform."""
    return keyword(one) in _SPOKEN and computable(one)


def ike_suites(found: Findings) -> list[str]:
    """Entries of ``algorithms.ike``, only of what the suites speak."""
    entries = []
    for box in found.boxes:
        kept = _kept(box)
        if not kept.empty and (kept.integ or not box.integ):
            entries.append(written(kept.transforms))
    return entries


def _kept(box: Box) -> Box:
    kinds = (box.encr, box.integ, box.prf, box.ke)
    return Box(*(tuple(one for one in kind if speakable(one)) for kind in kinds))


def esp_suites(child: ChildFindings | None) -> list[str]:
    """Entries of ``algorithms.esp``."""
    if child is None:
        return []
    entries = []
    for kinds in child.esp:
        ciphers, integs, groups, esn = (tuple(one for one in kind if speakable(one)) for kind in kinds)
        if ciphers and (integs or not kinds[1]) and (groups or not kinds[2]):
            entries.append(written((*ciphers, *integs, *groups, *esn)))
    return entries


def _algorithms(found: Findings) -> str:
    lines = ["[algorithms]"]
    own = [KINDS[kind] for kind, its in found.own_order.items() if its]
    ours = [KINDS[kind] for kind, its in found.own_order.items() if its is False]
    lines += [f"# It keeps to its own order of: {', '.join(own)}"] if own else []
    lines += [f"# It takes what its peer offers first of: {', '.join(ours)}"] if ours else []
    suites = ike_suites(found)
    if suites:
        lines += ["ike = [", *(f"    {json.dumps(one)}," for one in suites), "]"]
    else:
        lines.append(f"# Not known. RFC 8247 demands: ike = {json.dumps(list(MUSTS.ike))}")
    silent = [one for kind in found.taken.values() for one in kind if not speakable(one)]
    lines += [f"# It takes, too, and the suites do not speak: {' '.join(map(keyword, silent))}"] if silent else []
    esp = esp_suites(found.child)
    if esp:
        lines += ["esp = [", *(f"    {json.dumps(one)}," for one in esp), "]"]
    else:
        lines.append(f"# Not known: what it takes for Child SAs. RFC 8221 demands: esp = {json.dumps(list(MUSTS.esp))}")
        lines.append("# Not known: AH")
    return "\n".join([*lines, *_refused(found, bool(esp)), ""])


def _refused(found: Findings, esp_known: bool) -> Iterator[str]:
    """What it refuses in any suite. Ciphers refused for IKE SAs may do for Child SAs, if those were not asked about."""
    child = {one for kinds in (found.child.esp if found.child is not None else ()) for kind in kinds for one in kind}
    words: dict[bool, list[str]] = {True: [], False: []}
    for kind, refused in found.refused.items():
        sure = esp_known or kind in (TransformType.PRF, TransformType.KE)
        words[sure] += [keyword(one) for one in refused if speakable(one) and one not in child]
    if words[True]:
        yield "refused = ["
        yield from _rows([json.dumps(one) for one in words[True]])
        yield "]"
    if words[False]:
        yield "# Refused for IKE SAs, and not known for Child SAs; what both refuse belongs into the list:"
        yield from ("# " + row for row in textwrap.wrap(" ".join(words[False]), 110))
    if found.silent_refusal:
        yield "# It refuses without a word."


def _rows(words: Sequence[str]) -> list[str]:
    return ["    " + ", ".join(words[at : at + 7]) + "," for at in range(0, len(words), 7)]


def _pools(child: ChildFindings | None) -> str:
    if child is None or not child.address:
        return ""
    return (
        f"# It gave us the inner address {child.address}; how large its pool is nobody can see from here.\n"
        f'[pools]\ndevice = "{child.address.rpartition(".")[0]}.0/24"\n'
    )


def _safe(text: str) -> str:
    """Text of the device in a comment: one line, no control characters."""
    return printable(text)[:200]
