"""A reference device behind a simulated router: what the console is told is read back and given to the device.

So a purpose that runs through the adapter meets a device with just the configuration that arrived. The words of IOS are
read by a table of their own, not by that of the adapter.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network

from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy, Identity, Mode, Party, Psk
from conformance.wire import IdType
from peers.contract import ChildStatus, SaState, SaStatus
from peers.reference.process import ReferenceProcess
from tests.peers.iosxe_router import Face, Router

_CIPHERS = {
    "aes-cbc-128": "aes128",
    "aes-cbc-192": "aes192",
    "aes-cbc-256": "aes256",
    "aes-gcm-128": "aes128gcm16",
    "aes-gcm-256": "aes256gcm16",
    "3des": "3des",
    "esp-aes": "aes128",
    "esp-aes 192": "aes192",
    "esp-aes 256": "aes256",
    "esp-gcm": "aes128gcm16",
    "esp-gcm 192": "aes192gcm16",
    "esp-gcm 256": "aes256gcm16",
    "esp-3des": "3des",
    "esp-null": "null",
}
_GROUPS = {
    "2": "modp1024",
    "5": "modp1536",
    "14": "modp2048",
    "15": "modp3072",
    "16": "modp4096",
    "19": "ecp256",
    "20": "ecp384",
    "21": "ecp521",
}
_STATES = {SaState.ESTABLISHED: "READY", SaState.CONNECTING: "IN-NEG", SaState.DELETING: "DELETE"}


def connection(router: Router, device: ReferenceProcess, prefix: str = "IKESPEC") -> Connection | None:
    """What the running configuration says; None while it says too little."""
    running = router.running
    profile, ipsec = running.get(f"crypto ikev2 profile {prefix}"), running.get(f"crypto ipsec profile {prefix}")
    keys, policy = running.get(f"crypto ikev2 keyring {prefix}"), running.get(f"crypto ikev2 policy {prefix}")
    if profile is None or ipsec is None or keys is None or policy is None:
        return None
    local, remote = _identity(profile, "identity local "), _identity(profile, "match identity remote ")
    pixit = device.pixit
    policy_lines = running.get(f"crypto ikev2 authorization policy {prefix}", [])
    limit = next((int(one.split()[-1]) for one in running if one.startswith("crypto ikev2 cookie-challenge ")), None)
    fragments = next((one for one in running if one.startswith("crypto ikev2 fragmentation mtu ")), "0")
    return Connection(
        Party(local, Psk(_key(keys, "local"))),
        Party(remote, Psk(_key(keys, "remote"))),
        proposals=tuple(
            _ike(running[f"crypto ikev2 proposal {one.split()[1]}"]) for one in policy if "proposal" in one
        ),
        children=tuple(_children(running, ipsec, prefix)),
        local_address=pixit.device_address,
        remote_address=pixit.tester_address,
        local_ports=pixit.device_ports,
        remote_ports=pixit.tester_ports,
        fragment_size=int(fragments.split()[-1]),
        cookies=CookiePolicy.NEVER if limit is None else CookiePolicy.UNDER_LOAD,
        half_open_limit=limit or 10,
        local_routes=tuple(_routes(policy_lines)),
        remote_routes=("0.0.0.0/0", "::/0") if "route accept any" in policy_lines else (),
        keepalive=next((float(one.split()[-1]) for one in profile if one.startswith("nat keepalive")), None),
    )


def _identity(profile: list[str], start: str) -> Identity:
    kind, value = next(one for one in profile if one.startswith(start)).removeprefix(start).split()[:2]
    if kind == "key-id":
        return Identity(IdType.KEY_ID, value.encode())
    return Identity.of(value)


def _key(keys: list[str], whose: str) -> bytes:
    line = next(
        one.strip()
        for one in keys
        if re.match(r"\s*pre-shared-key (?!local |remote )", one) or f"pre-shared-key {whose} " in one
    )
    word = line.removeprefix("pre-shared-key ").removeprefix(f"{whose} ")
    return bytes.fromhex(word.removeprefix("hex ")) if word.startswith("hex ") else word.encode()


def _ike(lines: list[str]) -> str:
    words = {line.split()[0]: line.split()[1:] for line in lines}
    return "-".join(
        (
            *(_CIPHERS[one] for one in words["encryption"]),
            *words.get("integrity", []),
            *(f"prf{one}" for one in words.get("prf", [])),
            *(_GROUPS[one] for one in words["group"]),
        )
    )


def _children(running: dict[str, list[str]], ipsec: list[str], prefix: str) -> list[ChildConfig]:
    sets = next(one for one in ipsec if one.startswith("set transform-set ")).split()[2:]
    headers = [one for name in sets for one in running if one.startswith(f"crypto ipsec transform-set {name} ")]
    group = next((f"-{_GROUPS[one[13:]]}" for one in ipsec if one.startswith("set pfs group")), "")
    proposals = tuple(_esp(one.split(maxsplit=4)[4]) + group for one in headers)
    entries = running.get(f"ip access-list extended {prefix}", ["permit ip any any"])
    mode = Mode.TRANSPORT if "mode transport" in running[headers[0]] else Mode.TUNNEL
    found = []
    for number, entry in enumerate(entries):
        words = entry.removeprefix("permit ip ").split()
        ours, theirs = _network(words), _network(words)
        found.append(ChildConfig("net" if not number else f"net-{number + 1}", proposals, (ours,), (theirs,), mode))
    return found


def _esp(words: str) -> str:
    cipher, _, integrity = words.rpartition(" ") if words.endswith("-hmac") else (words, "", "")
    names = {"sha-hmac": "sha1"}
    mac = integrity.removeprefix("esp-")
    return "-".join(one for one in (_CIPHERS[cipher], names.get(mac, mac.removesuffix("-hmac"))) if one)


def _network(words: list[str]) -> str:
    first = words.pop(0)
    if first == "any":
        return "0.0.0.0/0"
    second = words.pop(0)
    return f"{second}/32" if first == "host" else str(IPv4Network(f"{first}/{second}"))


def _routes(lines: list[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if words[:3] == ["route", "set", "remote"]:
            yield str(ip_network("/".join(words[4:])))


def face(device: ReferenceProcess) -> Face:
    """The device behind a router's console."""
    loaded: list[Connection | None] = [None]

    def configured(router: Router) -> None:
        wanted = connection(router, device)
        if wanted is None:
            device.clear()
        elif wanted != loaded[0]:
            device.apply(wanted)
        loaded[0] = wanted

    def pinged(source: str, destination: str) -> bool:
        if loaded[0] is not None:
            device.initiate()
        return False

    def cleared(command: str) -> None:
        """An IKE SA goes with a Delete, and then without waiting for an answer; a Child SA with one of its own."""
        if loaded[0] is None:
            return
        sas = device.list_sas()
        if command.startswith("clear crypto ikev2 sa") and any(one.state == SaState.ESTABLISHED for one in sas):
            device.delete_ike()
        elif command.startswith("clear crypto sa peer"):
            device.apply(loaded[0])
        elif command.startswith("clear crypto sa spi"):
            spi = int(command.split()[-1], 16).to_bytes(4, "big")
            for name in (child.name for one in sas for child in one.children if child.spi_out == spi):
                device.delete_child(name)

    def shown(command: str) -> str:
        sas = device.list_sas()
        if command == "show crypto ikev2 sa detailed":
            return "\n".join(_ike_sa(at, one, device) for at, one in enumerate(sas, 1))
        if command == "show crypto ikev2 session":
            return "\n".join(_session(at, one, device) for at, one in enumerate(sas, 1))
        return "\n".join(_ipsec(child, device) for one in sas for child in one.children)

    return Face(configured, pinged, cleared, shown)


def _row(number: int, sa: SaStatus, device: ReferenceProcess) -> str:
    at, state = device.pixit, _STATES.get(sa.state, "READY")
    return (
        f"{number}         {at.device_address}/500         {at.tester_address}/500         none/none            {state}"
    )


def _ike_sa(number: int, sa: SaStatus, device: ReferenceProcess) -> str:
    return (
        " IPv4 Crypto IKEv2  SA\n\n"
        "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n"
        f"{_row(number, sa, device)}\n"
        f"      Local spi: {sa.spi_r.hex().upper()}       Remote spi: {sa.spi_i.hex().upper()}\n"
        "      Initiator of SA : No\n"
    )


def _session(number: int, sa: SaStatus, device: ReferenceProcess) -> str:
    lines = [f"Session-id:{number}, Status:UP-ACTIVE, IKE count:1, CHILD count:1", _row(number, sa, device)]
    for child in sa.children:
        lines += [
            "Child sa: local selector  10.2.0.0/0 - 10.2.0.255/65535",
            "          remote selector 10.1.0.0/0 - 10.1.0.255/65535",
            f"          ESP spi in/out: 0x{child.spi_in.hex().upper()}/0x{child.spi_out.hex().upper()}",
        ]
    return "\n".join(lines)


def _ipsec(child: ChildStatus, device: ReferenceProcess) -> str:
    return (
        f"interface: Tunnel3999\n   local  ident (addr/mask/prot/port): {_ident(child.local_ts[0])}\n"
        f"   remote ident (addr/mask/prot/port): {_ident(child.remote_ts[0])}\n"
        f"   current_peer {device.pixit.tester_address} port 500\n     inbound esp sas:\n{_sa(child.spi_in)}\n"
        f"     outbound esp sas:\n{_sa(child.spi_out)}\n"
    )


def _ident(text: str) -> str:
    network = IPv4Network(text)
    return f"({network.network_address}/{network.netmask}/0/0)"


def _sa(spi: bytes) -> str:
    shown = f"      spi: 0x{spi.hex().upper()}({int.from_bytes(spi, 'big')})"
    return f"{shown}\n        in use settings ={{Tunnel, }}\n        Status: ACTIVE(ACTIVE)"
