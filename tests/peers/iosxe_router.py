"""A simulated router: an SSH server with the console of IOS XE, as far as the adapter speaks with one.

It takes lines of configuration by the rules of the mode that it is in, keeps them as a running configuration, refuses
to remove what is in use, pages its output, and has the bad habits of real routers (`Habits`).
"""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

INVALID = "% Invalid input detected at '^' marker."
OTHERS = """\
aaa new-model
aaa authorization network CUSTOMER local
crypto ikev2 proposal CUSTOMER
 encryption aes-cbc-256
 integrity sha256
 group 19
crypto ikev2 policy CUSTOMER
 proposal CUSTOMER
crypto ikev2 fragmentation mtu 576
crypto ipsec transform-set CUSTOMER esp-aes 256 esp-sha256-hmac
 mode tunnel
interface Loopback0
 description of the owner
 ip address 192.168.10.1 255.255.255.255
interface GigabitEthernet1
 ip address 192.0.2.1 255.255.255.0
interface GigabitEthernet2
 ip address 10.2.0.1 255.255.255.0
interface Tunnel7
 description CUSTOMER
 tunnel source GigabitEthernet1
ip route 0.0.0.0 0.0.0.0 192.0.2.254
"""
_NAME, _ADDRESS = r"[\w-]+", r"[\dA-Fa-f.:]+(?:/128)?"
_GROUPS = r"(1|2|5|14|15|16|19|20|21|24)"
_CIPHER = r"(esp-(aes|gcm|gmac)( 192| 256)?|esp-3des|esp-null)"
_HMAC = r"(esp|ah)-(md5|sha|sha256|sha384|sha512)-hmac"
_TUNNEL = (
    r"description \S.*",
    rf"ip unnumbered {_NAME}[\d/]*",
    rf"ip address {_ADDRESS} {_ADDRESS}",
    r"ip address negotiated",
    rf"tunnel source {_NAME}[\d/]*",
    r"tunnel mode (gre ip|gre ipv6|ipsec ipv4|ipsec ipv6( v4-overlay)?)",
    rf"tunnel destination {_ADDRESS}",
    rf"tunnel protection ipsec policy ipv4 (?P<acl>{_NAME})",
    rf"tunnel protection ipsec profile (?P<profile>{_NAME})",
    r"(no )?shutdown",
)
MODES: dict[str, tuple[str, tuple[str, ...]]] = {
    rf"crypto ikev2 proposal {_NAME}": (
        "config-ikev2-proposal",
        (
            r"encryption( (3des|aes-cbc-(128|192|256)|aes-gcm-(128|256)))+",
            r"integrity( (md5|sha1|sha256|sha384|sha512))+",
            r"prf( (md5|sha1|sha256|sha384|sha512))+",
            rf"group( {_GROUPS})+",
        ),
    ),
    rf"crypto ikev2 policy {_NAME}": (
        "config-ikev2-policy",
        (rf"match address local {_ADDRESS}", r"match fvrf \S+", rf"proposal (?P<proposal>{_NAME})"),
    ),
    rf"crypto ikev2 keyring {_NAME}": (
        "config-ikev2-keyring",
        (
            rf"peer {_NAME}",
            rf"address {_ADDRESS}( {_ADDRESS})?",
            rf"identity (address {_ADDRESS}|(fqdn|email) (domain )?\S+|key-id \S+)",
            r"pre-shared-key ((local|remote) )?(hex [0-9a-f]+|\S+)",
        ),
    ),
    rf"crypto pki certificate map {_NAME} \d+": ("ca-certificate-map", (r"subject-name (co|eq) \S.*",)),
    rf"crypto pki trustpoint {_NAME}": (
        "ca-trustpoint",
        (r"enrollment terminal pem", r"revocation-check none", r"fqdn \S+"),
    ),
    rf"crypto ikev2 profile {_NAME}": (
        "config-ikev2-profile",
        (
            rf"match identity remote (any|address {_ADDRESS}( {_ADDRESS})?|(fqdn|email) (domain )?\S+|key-id \S+)",
            rf"match certificate (?P<map>{_NAME})",
            rf"identity local (address {_ADDRESS}|(fqdn|email|key-id) \S+|dn)",
            r"authentication (local|remote) (pre-share|rsa-sig|ecdsa-sig)",
            rf"keyring local (?P<keyring>{_NAME})",
            rf"pki trustpoint (?P<trustpoint>{_NAME})( (sign|verify))?",
            r"lifetime \d{3,}",
            r"dpd \d+ \d+ (on-demand|periodic)",
            r"nat keepalive \d+",
            r"redirect gateway auth",
            rf"aaa authorization group (psk|cert) list {_NAME} {_NAME}",
            r"virtual-template \d+",
        ),
    ),
    rf"crypto ikev2 authorization policy {_NAME}": (
        "config-ikev2-author-policy",
        (rf"pool {_NAME}", r"route set (interface|remote ipv[46] .*)", r"route accept any", r"dns .*", r"netmask \S+"),
    ),
    rf"crypto ipsec transform-set {_NAME} ({_CIPHER}( {_HMAC})?|{_HMAC})": (
        "cfg-crypto-trans",
        (r"mode (tunnel|transport)",),
    ),
    rf"crypto ipsec profile {_NAME}": (
        "ipsec-profile",
        (
            rf"set transform-set (?P<sets>{_NAME}( {_NAME})*)",
            rf"set pfs group{_GROUPS}",
            rf"set ikev2-profile (?P<ikev2>{_NAME})",
            r"set security-association lifetime seconds \d{3,}",
            r"(no )?responder-only",
        ),
    ),
    r"interface (Tunnel\d+|Virtual-Template\d+ type tunnel|Loopback\d+)": ("config-if", _TUNNEL),
    rf"ip access-list extended {_NAME}": (
        "config-ext-nacl",
        (rf"permit (ip|icmp|tcp|udp|gre|\d+) .*{_ADDRESS}.*", r"remark \S.*"),
    ),
    rf"ip route {_ADDRESS} {_ADDRESS} \S+( name {_NAME})?": ("", ()),
    rf"ip local pool {_NAME} {_ADDRESS} {_ADDRESS}": ("", ()),
    rf"aaa authorization network {_NAME} local": ("", ()),
    r"crypto ikev2 fragmentation( mtu \d+)?": ("", ()),
    r"crypto ikev2 cookie-challenge \d+": ("", ()),
    r"crypto ikev2 (redirect (client|gateway init)|window \d+|nat keepalive \d+)": ("", ()),
}
_POINTS_TO = {
    "proposal": "crypto ikev2 proposal {}",
    "keyring": "crypto ikev2 keyring {}",
    "map": "crypto pki certificate map {} 10",
    "trustpoint": "crypto pki trustpoint {}",
    "sets": "crypto ipsec transform-set {}",
    "ikev2": "crypto ikev2 profile {}",
    "acl": "ip access-list extended {}",
    "profile": "crypto ipsec profile {}",
}
_ONCE = r"crypto ikev2 (fragmentation|cookie-challenge|window|nat keepalive)"
_DEFAULTS = r"crypto (ikev2 proposal|ikev2 policy|ipsec profile|ipsec transform-set)"


@dataclass
class Habits:
    """What makes a router a real one. Texts are matched within the lines that it is given."""

    rejects: str = ""
    busy: str = ""
    drops_at: str = ""
    slow_at: str = ""
    delay: float = 0.0
    chatty: bool = False
    version: str = "17.09.04a"
    restarted: str = "10:00:00 UTC Sat Nov 28 2026"
    reason: str = "PowerOn"


@dataclass
class Face:
    """What stands behind the console: by default nothing."""

    configured: Callable[["Router"], None] = lambda router: None
    pinged: Callable[[str, str], bool] = lambda source, destination: False
    cleared: Callable[[str], None] = lambda command: None
    shown: Callable[[str], str] = lambda command: ""


@dataclass
class Router:
    """The configuration of a router and how it changes."""

    habits: Habits = field(default_factory=Habits)
    face: Face = field(default_factory=Face)
    running: dict[str, list[str]] = field(default_factory=dict)
    imported: list[str] = field(default_factory=list)
    zeroized: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=lambda: ["*Nov 28 10:00:01.000: %SYS-5-RESTART: System restarted --"])

    def __post_init__(self) -> None:
        header = ""
        for line in OTHERS.splitlines():
            if line.startswith(" "):
                self.running[header].append(line[1:])
            else:
                header = line
                self.running[header] = []

    def text(self) -> str:
        """The running configuration as it is shown."""
        lines = ["version 17.9", "hostname R1", "!"]
        for header, inner in self.running.items():
            lines += [header, *(f" {one}" for one in inner)]
        return "\n".join([*lines, "end"])

    def change(self, line: str, mode: str) -> tuple[str, str, str]:
        """Take a line of configuration: what is said, the header of the mode that it leads to, and its prompt."""
        if self.habits.rejects and self.habits.rejects in line:
            return f"      ^\n{INVALID}", mode, self.prompt_of(mode)
        if mode and (rules := self._rules(mode)) is not None:
            for rule in rules:
                if match := re.fullmatch(rule, line):
                    return self._inner(line, mode, match), mode, self.prompt_of(mode)
        if line.startswith(("no ", "default ")):
            return self._remove(line), "", "config"
        for pattern in MODES:
            if re.fullmatch(pattern, line):
                if re.match(_ONCE, line):
                    key = re.match(_ONCE, line)[0]  # type: ignore[index]
                    self.running = {one: inner for one, inner in self.running.items() if not one.startswith(key)}
                self.running.setdefault(line, [])
                return "", line if MODES[pattern][0] else "", self.prompt_of(line)
        return f"      ^\n{INVALID}", mode, self.prompt_of(mode)

    def prompt_of(self, mode: str) -> str:
        """What stands in brackets in the prompt."""
        return (
            next((name for pattern, (name, _) in MODES.items() if mode and re.fullmatch(pattern, mode)), "") or "config"
        )

    def _rules(self, mode: str) -> tuple[str, ...] | None:
        return next((rules for pattern, (_, rules) in MODES.items() if re.fullmatch(pattern, mode)), None)

    def _inner(self, line: str, mode: str, match: re.Match[str]) -> str:
        for kind, names in match.groupdict().items():
            for name in (names or "").split():
                header = _POINTS_TO[kind].format(name)
                if not any(one == header or one.startswith(f"{header} ") for one in self.running):
                    return f"% {header} does not exist"
        lines = self.running[mode]
        if line in ("no shutdown", "no responder-only"):
            if line[3:] in lines:
                lines.remove(line[3:])
        elif line not in lines:
            lines.append(line)
        return ""

    def _remove(self, line: str) -> str:
        if re.fullmatch(rf"default {_DEFAULTS}", line):
            self.running.pop(line.replace("default ", "no ") + " default", None)
            return ""
        if re.fullmatch(rf"no {_DEFAULTS} default", line):
            self.running[line] = []
            return ""
        what = line.removeprefix("no ")
        if self.habits.busy and self.habits.busy in what:
            self.habits.busy = ""
            return f"% {what} is in use by an active SA"
        if what in ("crypto ikev2 fragmentation", "crypto ikev2 cookie-challenge"):
            self.running = {one: inner for one, inner in self.running.items() if not one.startswith(what)}
            return ""
        found = [one for one in self.running if one == what or one.startswith(f"{what} ")]
        if not found:
            return f"% {what} is not configured"
        if user := next(self._users(what), ""):
            return f"% {what} is in use by {user}"
        for one in found:
            del self.running[one]
        if what.startswith("interface "):
            name = what.split()[1]
            self.running = {one: inner for one, inner in self.running.items() if f" {name} name " not in one}
        return ""

    def _users(self, what: str) -> Iterator[str]:
        for header, inner in self.running.items():
            rules = self._rules(header) or ()
            for line in inner:
                for match in filter(None, (re.fullmatch(rule, line) for rule in rules)):
                    for kind, names in match.groupdict().items():
                        if what in (_POINTS_TO[kind].format(name) for name in (names or "").split()):
                            yield header


@dataclass
class _Session:
    """One login: reads lines, writes what a terminal would show."""

    router: Router
    process: "asyncssh.SSHServerProcess[str]"
    mode: str = ""
    prompt: str = ""
    paging: bool = True
    enabled: bool = False
    lines: int = 0

    async def run(self) -> None:
        self._write("\r\nR1 is a simulated router.\r\n\r\n")
        self._write(self._prompted())
        async for line in self._typed():
            if line == "exit" and not self.prompt:
                self.process.exit(0)
                return
            await self._take(line)

    async def _typed(self) -> AsyncIterator[str]:
        line = ""
        while True:
            try:
                text = await self.process.stdin.read(4096)
            except (asyncssh.TerminalSizeChanged, asyncssh.BreakReceived):
                continue
            if not text:
                return
            for one in text:
                if one in "\r\n":
                    self._write("\r\n")
                    yield line
                    line = ""
                else:
                    self._write(one)
                    line += one

    def _write(self, text: str) -> None:
        self.process.stdout.write(text)

    def _prompted(self) -> str:
        return f"R1({self.prompt})#" if self.prompt else "R1#" if self.enabled else "R1>"

    async def _take(self, line: str) -> None:
        router, habits = self.router, self.router.habits
        if line:
            router.given.append(line)
        if habits.drops_at and habits.drops_at in line:
            habits.drops_at = ""
            self.process.channel.get_connection().abort()
            return
        if habits.slow_at and habits.slow_at in line:
            await asyncio.sleep(habits.delay)
        said = await asyncio.to_thread(self._answer, line.strip())
        if habits.chatty:
            said = f"*Nov 28 22:00:00.000: %CRYPTO-6-IKMP: a line of the log\n{said}"
        await self._page(said.split("\n") if said else [])
        self._write(self._prompted())
        if habits.chatty:
            self._write("\r\n*Nov 28 22:00:00.001: %LINK-3-UPDOWN: Interface Tunnel7, changed state to up\r\n")
            self._write(self._prompted())

    async def _page(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, 1):
            self._write(f"{line}\r\n")
            if self.paging and number % 22 == 0:
                self._write(" --More-- ")
                while await self.process.stdin.read(1) not in (" ", "\n", "\r", ""):
                    pass

    def _answer(self, line: str) -> str:
        if not self.enabled and line == "enable":
            self.enabled = True
            return ""
        if self.prompt:
            return self._configured(line)
        router = self.router
        if line == "configure terminal":
            self.mode, self.prompt = "", "config"
            return "Enter configuration commands, one per line.  End with CNTL/Z."
        if line == "terminal length 0":
            self.paging = False
        if line == "show running-config":
            return router.text()
        if line == "show version":
            habits = router.habits
            return (
                f"Cisco IOS XE Software, Version {habits.version}\nR1 uptime is 3 hours\n"
                f"System restarted at {habits.restarted}\nLast reload reason: {habits.reason}"
            )
        if line == "show logging":
            return "\n".join(["Syslog logging: enabled", "", "Log Buffer (4096 bytes):", "", *router.logged])
        if line.startswith("show crypto"):
            return router.face.shown(line)
        if line.startswith("clear crypto"):
            router.face.cleared(line)
        if match := re.match(r"ping (\S+) source (\S+)", line):
            reached = router.face.pinged(match[2], match[1])
            rate = "100 percent (1/1)" if reached else "0 percent (0/1)"
            return f"Type escape sequence to abort.\nSuccess rate is {rate}"
        known = ("terminal ", "show ", "clear ", "exit", "debug ", "no debug ", "enable")
        return "" if not line or line.startswith(known) else f"    ^\n{INVALID}"

    def _configured(self, line: str) -> str:
        if line == "end":
            self.mode = self.prompt = ""
            self.router.face.configured(self.router)
            return ""
        if not line or line == "exit":
            return ""
        if match := re.fullmatch(r"crypto key zeroize (rsa|ec) (\S+)", line):
            self.router.zeroized.append(match[2])
            return "" if match[1] == "rsa" else f"% No EC keys named {match[2]}"
        said, self.mode, self.prompt = self.router.change(line, self.mode)
        return said


class _Dialogues(_Session):
    """A session that also has commands which ask back."""

    async def _take(self, line: str) -> None:
        name = re.match(r"crypto pki (?:authenticate|import) (\S+)", line)
        if self.prompt and name is not None:
            self.router.given.append(line)
            await self._ask_for_text(line, name[1])
            return
        if self.prompt and line.startswith("no crypto pki trustpoint"):
            self._write("% Removing an enrolled trustpoint will destroy all certificates.\r\n\r\n")
            self._write("Are you sure you want to do this? [yes/no]: ")
            if (await self._line()) != "yes":
                self._write(self._prompted())
                return
        await super()._take(line)

    async def _ask_for_text(self, line: str, name: str) -> None:
        what = "pkcs12" if "import" in line else "CA certificate"
        self._write(
            f'\r\nEnter the base 64 encoded {what}.\r\nEnd with a blank line or the word "quit" on a line by itself\r\n'
        )
        pasted = []
        while (text := await self._line()) != "quit":
            pasted.append(text)
        self.router.imported.append("\n".join(one for one in pasted if one))
        self.router.running.setdefault(f"crypto pki trustpoint {name}", [])
        if what == "pkcs12":
            self._write("CRYPTO_PKI: Imported PKCS12 file successfully.\r\n")
        else:
            self._write("Certificate has the following attributes:\r\n% Do you accept this certificate? [yes/no]: ")
            await self._line()
            self._write("Trustpoint CA certificate accepted.\r\n% Certificate successfully imported\r\n")
        self._write(self._prompted())

    async def _line(self) -> str:
        line = ""
        while (one := await self.process.stdin.read(1)) not in ("\n", "\r", ""):
            line += one
        self._write(f"{line}\r\n")
        return line


class _Server(asyncssh.SSHServer):
    def __init__(self, password: str) -> None:
        self._password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == "ikespec" and password == self._password


class Simulated:
    """The server, in a thread of its own. A context manager; ``port`` and ``known_hosts`` say how it is reached."""

    def __init__(self, router: Router, folder: Path, password: str = "secret") -> None:
        self.router = router
        self.port = 0
        self._password = password
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def known_hosts(self) -> Path:
        """A file with the server's key."""
        path = self._folder / "known_hosts"
        key = self._key.export_public_key().decode().strip()
        path.write_text(f"[127.0.0.1]:{self.port} {' '.join(key.split()[:2])}\n")
        return path

    def __enter__(self) -> "Simulated":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.get_port()
        return self

    async def _listen(self) -> asyncssh.SSHAcceptor:
        async def handle(process: "asyncssh.SSHServerProcess[str]") -> None:
            await _Dialogues(self.router, process).run()

        return await asyncssh.create_server(
            lambda: _Server(self._password),
            "127.0.0.1",
            0,
            server_host_keys=[self._key],
            process_factory=handle,
            line_editor=False,
        )

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def wait(self, condition: Callable[[], bool], patience: float = 3.0) -> bool:
        """Whether something becomes true."""
        end = time.monotonic() + patience
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)
        return condition()
