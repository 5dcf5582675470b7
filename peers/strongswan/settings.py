"""The configuration file of a charon daemon for a conformance run (strongswan.conf)."""

import re
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from conformance.ike.core.connection import Connection, CookiePolicy, Eap, PublicKey
from conformance.wire import AuthMethod
from peers.contract import DeviceError
from peers.credentials import AAA_PORTS, AAA_SECOND_PORTS, AAA_SECOND_SECRET, AAA_SECRET
from peers.places.build import Build
from peers.places.place import DataPlane

PACKAGES = (
    *("strongswan-swanctl", "charon-systemd", "libstrongswan-standard-plugins", "libstrongswan-extra-plugins"),
    *("libcharon-extra-plugins", "libcharon-extauth-plugins"),
)
"""Debian's packages of a complete charon."""
DAEMON = "/usr/sbin/charon-systemd"
BUILT = ("sbin/charon-systemd", "libexec/ipsec/charon", "lib/ipsec/charon")
"""Where ``make install`` puts it below a prefix."""
SOURCE = "src/charon"
"""Where it is in a tree in which it was built."""
VICI_SOCKET = "charon.vici"
LOG = "charon.log"
TRIPLETS = "triplets.db"
HALF_OPEN_TIMEOUT = 30
"""Seconds that a half-open IKE SA is kept: charon's own default."""


@dataclass(frozen=True, slots=True)
class PluginSet:
    """What charon loads, the first one that can do a thing does it; ``note`` is for the description of the device.

    ``tls`` is the latest version of TLS in EAP.
    """

    plugins: str
    note: str = ""
    tls: str = "1.2"


# libstrongswan-standard-plugins brings openssl and gcm: without them there is no ECDSA and no AES-GCM.
_OWN = (
    "pem x509 revocation constraints pubkey pkcs1 pkcs8 sha1 sha2 md5 mgf1 hmac kdf gmp curve25519 chapoly xcbc cmac "
    "aes gcm ccm ctr fips-prf drbg ml curl"
)
_REST = (
    "{kernel} socket-default vici updown attr counters eap-identity eap-md5 eap-mschapv2 eap-gtc eap-tls eap-ttls "
    "eap-peap eap-aka eap-aka-3gpp sqlite eap-sim eap-simaka-sql eap-simaka-pseudonym eap-simaka-reauth eap-radius "
    "xauth-generic"
)
PLUGIN_SETS = {
    "": PluginSet(f"random nonce openssl {_OWN} {_REST}"),
    "own": PluginSet(f"random nonce {_OWN} openssl {_REST}", ", its own plugins before OpenSSL's"),
    "tls13": PluginSet(f"random nonce openssl {_OWN} {_REST}", ", with TLS 1.3 in EAP", "1.3"),
}
"""By the word after the device's name: as Debian loads them, with parsers and primitives of its own first, and with
TLS 1.3, which charon does not speak unless it is told to."""


@dataclass(frozen=True, slots=True)
class Startup:
    """What charon reads only when it starts; a change needs a new process. Zero switches a threshold off.

    With ``ike_sas`` IKE SAs it takes no more. ``aaa`` is the address of AAA servers, empty for none: accounting would
    hold up every IKE SA where none answers. ``aaa_servers`` is how many there are.
    """

    cookie_threshold: int = 10
    ike_sas: int = 0
    ports: tuple[int, int] = (500, 4500)
    aaa: str = ""
    aaa_servers: int = 1


@dataclass(frozen=True, slots=True)
class Runtime:
    """What charon reads for every IKE SA; a change needs its file to be read again. Times in seconds."""

    retransmit_timeout: float = 1.0
    retransmit_base: float = 1.5
    retransmit_tries: int = 3
    fragment_size: int = 1280
    half_open_timeout: int = HALF_OPEN_TIMEOUT
    signature_authentication: bool = True
    keepalive: float | None = 20.0
    hash_and_url: bool = False
    make_before_break: bool = False
    follow_redirects: bool = False


def startup_for(connection: Connection, ports: tuple[int, int], aaa: str = "") -> Startup:
    """What the daemon must have been started with to hold this connection."""
    thresholds = {
        CookiePolicy.NEVER: 0,
        CookiePolicy.UNDER_LOAD: connection.half_open_limit,
        # charon counts what it already holds, so the first request is asked only after somebody else opened one.
        CookiePolicy.ALWAYS: 1,
    }
    ike_sas = connection.ike_sa_limit or 0
    startup = Startup(cookie_threshold=thresholds[connection.cookies], ike_sas=ike_sas, ports=ports)
    asked = connection.remote.auth
    return replace(startup, aaa=aaa, aaa_servers=asked.aaa) if isinstance(asked, Eap) and asked.aaa else startup


def runtime_for(connection: Connection) -> Runtime:
    """The settings of the IKE SAs of this connection."""
    local = connection.local.auth
    classic = isinstance(local, PublicKey) and local.method not in (None, AuthMethod.DIGITAL_SIGNATURE)
    runtime = Runtime(
        retransmit_timeout=connection.retransmit_timeout,
        retransmit_base=connection.retransmit_base,
        retransmit_tries=connection.retransmit_tries,
        fragment_size=connection.fragment_size or Runtime().fragment_size,
        signature_authentication=not classic,
        keepalive=connection.keepalive,
        hash_and_url=connection.cert_lookup,
        make_before_break=connection.make_before_break is True,
        follow_redirects=connection.follows_redirects,
    )
    if connection.cookies is CookiePolicy.ALWAYS:
        # The half-open SA that keeps the daemon asking must outlive the purpose.
        return replace(runtime, half_open_timeout=600)
    return runtime


_PLUGIN_FOLDER = re.compile(rb"(/[\w./+-]+/plugins)\0")


def check(device: str, build: Build) -> None:
    """Whether a build can be used. Raises DeviceError where it lacks vici, or looks elsewhere for its plugins."""
    prefixes = build.host_program.parents[1:3]
    libraries = [one for prefix in prefixes for one in sorted(prefix.glob("lib*/ipsec/libstrongswan.so*"))]
    if build.root is not None or not libraries:
        return
    found = _PLUGIN_FOLDER.search(libraries[0].read_bytes())
    if found is None:
        return  # they are built in
    folder = Path(found[1].decode())
    if not folder.is_dir():
        mend = "configure it with the prefix where it is, or make install without DESTDIR"
        raise DeviceError(device, f"it looks for its plugins in {folder}, which does not exist", mend)
    if not (folder / "libstrongswan-vici.so").exists():
        raise DeviceError(device, f"it was built without the plugin vici ({folder})", "./configure --enable-vici")


def render(
    startup: Startup,
    runtime: Runtime,
    plane: DataPlane,
    log: str,
    vici: str,
    plugins: PluginSet = PLUGIN_SETS[""],
    triplets: str = "",
) -> str:
    """The text of strongswan.conf; ``log``, ``vici`` and ``triplets`` are paths as the daemon sees them.

    One key per line: a value extends to the end of its line.
    """
    # Whoever comes first in the list gives kernel-ipsec; kernel-netlink still gives addresses and routes.
    kernel = "kernel-libipsec kernel-netlink" if plane is DataPlane.LIBIPSEC else "kernel-netlink"
    yes = {True: "yes", False: "no"}
    return f"""\
charon {{
  load_modular = no
  load = {plugins.plugins.format(kernel=kernel)}
  port = {startup.ports[0]}
  port_nat_t = {startup.ports[1]}
  dos_protection = yes
  cookie_threshold = {startup.cookie_threshold}
  ikesa_limit = {startup.ike_sas}
  # Per source address: the scripted peer is one address and opens many SAs on purpose. Zero would not switch blocking
  # off: charon raises the one to the other plus one.
  cookie_threshold_ip = 0
  block_threshold = 1000000
  init_limit_half_open = 0
  half_open_timeout = {runtime.half_open_timeout}
  retransmit_timeout = {runtime.retransmit_timeout:g}
  retransmit_base = {runtime.retransmit_base:g}
  retransmit_tries = {runtime.retransmit_tries}
  retransmit_jitter = 0
  keep_alive = {seconds(runtime.keepalive)}
  fragment_size = {runtime.fragment_size}
  signature_authentication = {yes[runtime.signature_authentication]}
  delete_rekeyed_delay = 1
  hash_and_url = {yes[runtime.hash_and_url]}
  make_before_break = {yes[runtime.make_before_break]}
  follow_redirects = {yes[runtime.follow_redirects]}
  send_vendor_id = no
  accept_private_algs = yes
  install_routes = yes
  tls {{
    version_max = {plugins.tls}
  }}
  filelog {{
    main {{
      path = {log}
      append = yes
      flush_line = yes
      default = 1
      ike = 2
      cfg = 2
      net = 2
      time_format = %H:%M:%S
      time_add_ms = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{vici}
    }}
    eap-gtc {{
      backend = generic
    }}
    eap-aka-3gpp {{
      seq_check = yes
    }}
    eap-simaka-sql {{
      database = sqlite://{triplets}
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}{radius(startup.aaa, startup.aaa_servers)}
  }}
}}
"""


def radius(address: str, servers: int) -> str:
    """The settings of eap-radius, which asks the servers at this address in their order; none where there is none."""
    if not address:
        return ""
    known = ((*AAA_PORTS[:2], AAA_SECRET), (*AAA_SECOND_PORTS, AAA_SECOND_SECRET))[:servers]
    listed = "".join(
        f"""
        tester{number} {{
          address = {address}
          auth_port = {authentication}
          acct_port = {accounting}
          secret = "{secret.decode()}"
          preference = {99 * (servers - number)}
          retransmit_timeout = 0.5
          retransmit_tries = 3
        }}"""
        for number, (authentication, accounting, secret) in enumerate(known, 1)
    )
    return f"""
    eap-radius {{
      accounting = yes
      accounting_send_class = yes
      servers {{{listed}
      }}
      dae {{
        enable = yes
        listen = 0.0.0.0
        port = {AAA_PORTS[2]}
        secret = "{AAA_SECRET.decode()}"
      }}
    }}"""


def seconds(value: float | None) -> str:
    """A time for vici, which knows whole seconds only: rounded up, so that a short time never becomes "never"."""
    return "0s" if value is None else f"{max(1, ceil(value))}s"
