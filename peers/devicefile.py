"""The TOML file that describes an external device: its PICS, its PIXIT, and how to give it orders.

::

    [device]
    name = "router"
    version = "17.9"                       # optional
    capabilities = ["initiator", "responder", "psk", "rekey-ike"]
    deviations = "router-deviations.toml"  # optional, beside this file

    [addresses]
    device = "192.0.2.1"
    tester = "192.0.2.2"                   # an address of this host
    tester_spare = "192.0.2.3"             # optional: another one, to move or be redirected to
    tester_spare6 = "2001:db8::3"          # optional: another one of IPv6, to be redirected to
    tester_spare_name = "spare.example"    # optional: the name by which the device finds that
    # optional: device6, tester6, device_ports, tester_ports, device_networks, tester_networks, web_port

    [identities]                           # optional; also a mail address, an address, a DN, or keyid:, dn: ...
    device = "router.example"
    tester = "tester.example"

    [secrets]                              # or psk_hex, or psk_file
    psk = "a shared key"
    any_identity = true                    # it lets in whoever has the key; only where it is configured by hand
    eap_identity = "tester"                # an EAP user of the device; eap_identity: if the name is not that of IKE
    eap_password = "a password"

    [certificates]                         # PEM files beside this one
    certificate = "tester.pem"             # ours, and its intermediates
    key = "tester.key"
    authority = "ca.pem"                   # or, as device, the device's own certificate

    [algorithms]                           # optional: what the device takes, most preferred first
    ike = ["aes256gcm16-prfsha384-ecp384", "aes128-aes256-sha256-modp2048-ecp256"]
    esp = ["aes256gcm16", "aes256-sha256"] # with a group where Child SAs have a key exchange of their own
    ah = ["sha256"]
    eap = ["mschapv2", "md5"]              # EAP methods
    refused = ["3des", "modp1024"]         # what it refuses in any suite; only where it is configured by hand

    [pools]                                # optional: inner addresses
    device = "10.77.0.0/24"                # that the device assigns to us, as tester those that we assign to it

    [timers]                               # optional, seconds
    response_timeout = 5.0
    retransmit_timeout = 4.0               # its requests are repeated after 4 s, then after 7.2 s ...,
    retransmit_base = 1.8
    retransmit_tries = 5                   # five times; not needed with the capability timers-configurable

    [templates]                            # optional: Jinja files beside this one
    apply = "router.conf.jinja"            # gets connection, device and tester; rendered into the file {config}

    [commands]                             # {config} {connection} {child} {device} {tester} are filled in
    apply = "scp {config} router:running-config"
    initiate = "ssh router 'ike initiate {child}'"

    [prompts]                              # or: what the person at the console is asked to do
    rekey_ike = "rekey the IKE SA now"
"""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from conformance.crypto import CryptoError
from conformance.crypto.keywords import transform
from conformance.eap.making import KNOWN
from conformance.wire import ProtocolID
from peers.algorithms import MUSTS, Algorithms, complete
from peers.capabilities import Capability
from peers.contract import Pixit, Retransmission
from peers.credentialsfile import read_credentials
from peers.tomlfile import Table, nearest, read_toml

ORDERS = (
    *("start", "stop", "apply", "clear", "initiate", "rekey_ike", "rekey_child", "reauthenticate"),
    *("delete_ike", "delete_child", "list_sas", "log", "alive"),
)
_READ_ONLY = ("list_sas", "log", "alive")
PLACEHOLDERS = ("config", "connection", "child", "device", "tester")
_ORDER_OF = {
    Capability.CONFIGURABLE: "apply",
    Capability.INITIATOR: "initiate",
    Capability.REKEY_IKE: "rekey_ike",
    Capability.REKEY_CHILD: "rekey_child",
    Capability.REAUTH: "reauthenticate",
    Capability.DELETE_IKE: "delete_ike",
    Capability.DELETE_CHILD: "delete_child",
    Capability.LIST_SAS: "list_sas",
    Capability.LOG: "log",
}


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """An external device as its file describes it. Orders map to shell commands or to words for a person."""

    path: Path
    name: str
    version: str
    capabilities: frozenset[Capability]
    deviations: Path | None
    pixit: Pixit
    commands: dict[str, str]
    prompts: dict[str, str]
    template: Path | None
    command_timeout: float
    adapter: Table | None = None
    """The table of an adapter, which is to read it; then there are no commands, prompts or templates."""


def read_device(
    path: Path, *, adapter: str = "", claims: frozenset[Capability] = frozenset(), takes: Algorithms = MUSTS
) -> DeviceFile:
    """Read and check a device file. Raises TomlError naming file, line, key, value and what was expected.

    ``adapter`` is the table of the adapter that the file is for; what the device ``claims`` and ``takes`` need not
    stand in the file then.
    """
    top = read_toml(path)
    own = top.table(adapter) if adapter else None
    device, addresses, timers = top.table("device"), top.table("addresses"), top.table("timers")
    commands, prompts = top.table("commands"), top.table("prompts")
    credentials = top.table("identities"), top.table("secrets"), top.table("certificates")
    algorithms, pools = top.table("algorithms"), top.table("pools")
    name, version = device.text("name"), device.text("version", "")
    capabilities = _capabilities(device, claims)
    if "apply" in (*commands.keys, *prompts.keys):
        capabilities |= {Capability.CONFIGURABLE}
    agreed = read_credentials(*credentials)
    if agreed.any_identity:
        capabilities |= {Capability.ANY_IDENTITY}
    deviations = _beside(device, "deviations")
    templates = top.table("templates")
    template = _beside(templates, "apply")
    timeout = timers.number("command_timeout", 30.0)
    found = DeviceFile(
        path=path,
        name=name,
        version=version,
        capabilities=capabilities,
        deviations=deviations,
        pixit=replace(
            _pixit(addresses, timers),
            credentials=agreed,
            algorithms=_algorithms(algorithms, takes),
            eap=_eap(algorithms),
            device_pool=pools.pool("device"),
            tester_pool=pools.pool("tester"),
        ),
        commands={order: _command(commands, order) for order in ORDERS if order in commands.keys},
        prompts={order: prompts.text(order) for order in ORDERS if order in prompts.keys},
        template=template,
        command_timeout=timeout,
        adapter=own,
    )
    for table in (device, addresses, timers, templates, *credentials, algorithms, pools):
        table.done()
    top.done()
    if own is None:
        _check_orders(found, device, commands, prompts)
    elif given := next((table for table in (commands, prompts, templates) if table.keys), None):
        raise given.error(given.keys[0], f"[{adapter}] has orders of its own")
    _check_authentication(found, credentials)
    return found


def _capabilities(device: Table, usual: frozenset[Capability]) -> frozenset[Capability]:
    known = {str(one): one for one in Capability}
    if usual and "capabilities" not in device.keys:
        device.texts("capabilities", ())
        return usual
    words = device.texts("capabilities")
    for word in words:
        if word not in known:
            raise device.error("capabilities", f'"{word}" is no capability', nearest(word, known))
    return frozenset(known[word] for word in words)


def _beside(table: Table, key: str) -> Path | None:
    text = table.text(key, "")
    if not text:
        return None
    path = table.path.parent / text
    if not path.is_file():
        raise table.error(key, f"there is no file {path}")
    return path


def _pixit(addresses: Table, timers: Table) -> Pixit:
    usual = Pixit(device_address="", tester_address="")
    found = Pixit(
        device_address=addresses.address("device", 4),
        tester_address=addresses.address("tester", 4),
        device_address6=addresses.optional_address("device6", 6),
        tester_address6=addresses.optional_address("tester6", 6),
        tester_spare=addresses.optional_address("tester_spare", 4),
        tester_spare6=addresses.optional_address("tester_spare6", 6),
        tester_spare_name=addresses.text("tester_spare_name", "") or None,
        device_ports=addresses.ports("device_ports", usual.device_ports),
        tester_ports=addresses.ports("tester_ports", usual.tester_ports),
        device_networks=addresses.networks("device_networks", usual.device_networks),
        tester_networks=addresses.networks("tester_networks", usual.tester_networks),
        web_port=_web_port(addresses, usual.web_port),
        response_timeout=timers.number("response_timeout", usual.response_timeout),
        retransmission=_retransmission(timers),
        half_open_timeout=timers.number("half_open_timeout", usual.half_open_timeout),
    )
    _check_apart(addresses, found)
    return found


def _check_apart(addresses: Table, pixit: Pixit) -> None:
    """No port of an address is both the device's and ours."""
    taken = sorted(set(pixit.device_ports) & set(pixit.tester_ports))
    four, six = (pixit.tester_address, pixit.device_address), (pixit.tester_address6, pixit.device_address6)
    for key, (ours, theirs) in (("tester", four), ("tester6", six)):
        if taken and ours and theirs and ip_address(ours) == ip_address(theirs):
            problem = f"is the device's address, where it has port {taken[0]}"
            raise addresses.error(key, problem, "expected another address, or other tester_ports")


def _web_port(addresses: Table, usual: int) -> int:
    port = addresses.integer("web_port", usual)
    if not 0 < port < 65536:
        raise addresses.error("web_port", "expected a port from 1 to 65535")
    return port


def _algorithms(table: Table, usual: Algorithms) -> Algorithms:
    """What a file does not say is what an adapter knows of, else what RFC 8247 and RFC 8221 demand."""
    found = Algorithms(
        ike=_suites(table, "ike", ProtocolID.IKE, usual.ike),
        esp=_suites(table, "esp", ProtocolID.ESP, usual.esp),
        ah=_suites(table, "ah", ProtocolID.AH, usual.ah),
        refused=table.texts("refused", ()),
    )
    for word in found.refused:
        try:
            transform(word)
        except CryptoError as error:
            raise table.error("refused", str(error)) from None
    return found


def _eap(table: Table) -> tuple[str, ...]:
    found = table.texts("eap", ())
    for word in found:
        if word not in KNOWN:
            known = nearest(word, KNOWN) or f"known: {', '.join(KNOWN)}"
            raise table.error("eap", f'there is no EAP method "{word}"', known)
    return found


def _suites(table: Table, key: str, protocol: ProtocolID, usual: tuple[str, ...]) -> tuple[str, ...]:
    texts = table.texts(key, usual)
    if not texts:
        raise table.error(key, f"expected at least one suite such as {usual[0]}")
    for text in texts:
        try:
            complete(text, protocol)
        except CryptoError as error:
            raise table.error(key, str(error)) from None
    return texts


def _retransmission(timers: Table) -> Retransmission | None:
    """How the device repeats its requests; whoever says one of the three says all."""
    if not any(key.startswith("retransmit_") for key in timers.keys):
        return None
    return Retransmission(
        timers.number("retransmit_timeout"), timers.number("retransmit_base"), timers.integer("retransmit_tries")
    )


def _command(commands: Table, order: str) -> str:
    text = commands.text(order)
    try:
        text.format_map(dict.fromkeys(PLACEHOLDERS, ""))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        problem = f"cannot fill in {error}" if isinstance(error, KeyError) else str(error)
        mend = f"known: {', '.join('{' + one + '}' for one in PLACEHOLDERS)}; write {{{{ and }}}} for braces"
        raise commands.error(order, problem, mend) from None
    return text


def _check_authentication(found: DeviceFile, tables: tuple[Table, Table, Table]) -> None:
    """Whoever says with what the device is authenticated must also say that it does such a thing."""
    _, secrets, certificates = tables
    for key in secrets.keys:
        needed = (Capability.EAP, Capability.EAP_PEER) if key.startswith("eap") else (Capability.PSK,)
        if found.capabilities.isdisjoint(needed):
            words = " or ".join(f'"{one}"' for one in needed)
            raise secrets.error(key, f"device.capabilities says nothing of {words}")
    if found.pixit.credentials.any_identity and Capability.CONFIGURABLE in found.capabilities:
        raise secrets.error("any_identity", "a device that takes any connection is told whom to let in")
    kind = found.pixit.credentials.kind
    if kind and Capability(kind) not in found.capabilities:
        raise certificates.error("key", f'is of the kind {kind}: device.capabilities says nothing of "{kind}"')


def _check_orders(found: DeviceFile, device: Table, commands: Table, prompts: Table) -> None:
    for table in (commands, prompts):
        for key in table.keys:
            if key not in ORDERS:
                raise table.error(key, "unknown order", nearest(key, ORDERS) or f"known: {', '.join(ORDERS)}")
    for order in _READ_ONLY:
        if order in found.prompts:
            raise prompts.error(order, "only a command can do this")
    for capability, order in _ORDER_OF.items():
        if capability in found.capabilities and order not in found.commands and order not in found.prompts:
            where = "commands" if order in _READ_ONLY else "commands or prompts"
            raise device.error("capabilities", f'"{capability}" needs an entry {order} under {where}')
