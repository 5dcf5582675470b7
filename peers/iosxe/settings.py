"""How a router is reached for its configuration: the table ``[iosxe]`` of a device file.

::

    [iosxe]
    host = "192.0.2.10"               # where SSH is; better not the address under test
    user = "ikespec"
    password_env = "ROUTER_PASSWORD"  # or password_file, or password; likewise enable, enable_env, enable_file
    known_hosts = "known_hosts"       # optional, beside this file; otherwise the user's own
    interface = "GigabitEthernet1"    # has the address under test
    inside = "GigabitEthernet2"       # optional: has the first address of the first device network
    # optional: port, prefix, number, timeout, selectors, smart_defaults, debug, accept_any_host_key,
    # global_lines, profile_lines, authorization_lines
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from peers.tomlfile import Table, nearest

_SELECTORS = ("acl", "any")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9]{2,15}")
_INTERFACE = re.compile(r"[A-Za-z-]+[0-9][0-9/.:]*")
_KINDS = "certificate-cache|diagnose|dpd|http-url|limit|nat keepalive|redirect|route|window"
_GLOBAL = re.compile(rf"crypto (ikev2 ({_KINDS})|logging) .+")
"""Settings that a router has once and that open no mode; those that a connection names are ours."""


@dataclass(frozen=True, slots=True)
class Router:
    """A router as its device file describes it.

    ``prefix`` begins the name of every object that is ours, ``number`` is that of our interfaces. ``selectors``:
    ``acl`` where a tunnel interface takes an access list as its policy (IOS XE 16.12 and later), else ``any``.
    ``smart_defaults`` leaves those of IKEv2 on. The lines are further ones, of the global configuration, of our
    profile, and of our authorization policy. ``timeout`` is how long the router may take to answer, in seconds.
    """

    host: str
    user: str
    password: str = field(repr=False)
    interface: str
    enable: str = field(default="", repr=False)
    port: int = 22
    known_hosts: Path | None = None
    accept_any_host_key: bool = False
    inside: str = ""
    prefix: str = "IKESPEC"
    number: int = 3999
    timeout: float = 15.0
    selectors: str = "acl"
    smart_defaults: bool = False
    debug: bool = False
    global_lines: tuple[str, ...] = ()
    profile_lines: tuple[str, ...] = ()
    authorization_lines: tuple[str, ...] = ()

    @property
    def behind(self) -> str:
        """The interface with the inner address, which tunnels borrow and pings come from."""
        return self.inside or f"Loopback{self.number}"


def read_router(table: Table) -> Router:
    """Read the table and complain about what nobody knows. Raises TomlError."""
    found = Router(
        host=table.text("host"),
        user=table.text("user"),
        password=_secret(table, "password", needed=True),
        enable=_secret(table, "enable"),
        interface=_name(table, "interface"),
        inside=_name(table, "inside", ""),
        port=table.integer("port", 22),
        known_hosts=table.file("known_hosts") if "known_hosts" in table.keys else None,
        accept_any_host_key=table.flag("accept_any_host_key"),
        prefix=table.text("prefix", "IKESPEC"),
        number=table.integer("number", 3999),
        timeout=table.number("timeout", 15.0),
        selectors=table.text("selectors", "acl"),
        smart_defaults=table.flag("smart_defaults"),
        debug=table.flag("debug"),
        global_lines=_lines(table, "global_lines"),
        profile_lines=_lines(table, "profile_lines"),
        authorization_lines=_lines(table, "authorization_lines"),
    )
    table.done()
    if not 0 < found.port < 65536:
        raise table.error("port", "expected a TCP port")
    if not 0 < found.number <= 4095:
        raise table.error("number", "expected a number from 1 to 4095: a Virtual-Template has no other")
    if not _PREFIX.fullmatch(found.prefix):
        raise table.error("prefix", "expected a letter and 2 to 15 letters and digits: what has such a name is removed")
    if found.selectors not in _SELECTORS:
        raise table.error("selectors", f"expected one of {', '.join(_SELECTORS)}", nearest(found.selectors, _SELECTORS))
    for line in found.global_lines:
        if not _GLOBAL.fullmatch(line):
            raise table.error("global_lines", f'"{line}": expected lines such as "crypto ikev2 redirect client"')
    return found


def _name(table: Table, key: str, usual: str | None = None) -> str:
    text = table.text(key, usual)
    if text and not _INTERFACE.fullmatch(text):
        raise table.error(key, "expected an interface such as GigabitEthernet1")
    return text


def _lines(table: Table, key: str) -> tuple[str, ...]:
    lines = table.texts(key, ())
    for line in lines:
        if not line.strip() or line != line.strip() or not line.isprintable() or not line.isascii() or "?" in line:
            raise table.error(key, f"{line!r} is no line of a configuration")
    return lines


def _secret(table: Table, key: str, *, needed: bool = False) -> str:
    """A password: itself, an environment variable's, or the first line of a file."""
    given = [one for one in (f"{key}_env", f"{key}_file", key) if one in table.keys]
    if len(given) > 1:
        raise table.error(given[1], f"there is {given[0]}, too: give one of them")
    if f"{key}_env" in given:
        name = table.text(f"{key}_env")
        if not os.environ.get(name):
            raise table.error(f"{key}_env", "the environment has no such variable, or it is empty")
        return os.environ[name]
    if f"{key}_file" in given:
        path = table.file(f"{key}_file")
        try:
            return path.read_text(encoding="utf-8").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError):
            raise table.error(f"{key}_file", f"{path} has no first line that can be read") from None
    for one in (f"{key}_env", f"{key}_file"):
        table.text(one, "")  # so that a complaint about an unknown key names these, too
    return table.text(key) if needed or key in given else table.text(key, "")
