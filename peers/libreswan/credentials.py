"""Keys and certificates in the NSS database of a pluto.

NSS names certificates after their subject: two of the same subject cannot be told apart. And a pluto that runs does not
reliably forget what is deleted. So the database holds what one connection needs; what is missing is added, 10 ms for
each, and where something would have to go, a new pluto gets a new database.
"""

import hashlib
import shlex
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from conformance.ike.core.connection import Connection, PublicKey
from peers.capabilities import Capability
from peers.contract import DeviceError, Unsupported
from peers.libreswan.settings import DATABASE, MODULES, POLICY
from peers.libreswan.translate import public_key
from peers.places.shell import Shell

_PASSWORD = b"ikespec"
# The transport file lives for milliseconds in a directory of ours; strong encryption would only cost time.
_QUICK = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(1)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
)


def name_of(certificate: x509.Certificate) -> str:
    """The name of a certificate in the database."""
    return "ikespec-" + hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()[:16]


def own_certificate(connection: Connection) -> str | None:
    """The name of the certificate that the device shows, None where it needs none."""
    own = public_key(connection)
    return name_of(own.chain[0]) if own is not None and own.chain else None


def _own_keys(connection: Connection) -> dict[str, PublicKey]:
    """What the device signs with, in this connection and those beside it, by the names of its certificates."""
    found = map(public_key, connection.every)
    return {name_of(one.chain[0]): one for one in found if one is not None and one.chain}


def _wanted(connection: Connection) -> dict[str, x509.Certificate]:
    """All certificates that a connection and those beside it need in the database, by name, our own first."""
    shown = (one for own in _own_keys(connection).values() for one in own.chain)
    return {name_of(one): one for one in (*shown, *(one for each in connection.every for one in each.trust))}


class Credentials:
    """The certificates in one database, and the key that belongs to one of them."""

    def __init__(self, directory: Path, inside: str, tls: str = "1.2") -> None:
        """``directory`` is the run directory on this host, ``inside`` the same as the daemon sees it.

        ``tls`` is the latest version of TLS in EAP.
        """
        self._tls = tls
        self._directory = directory
        self._inside = inside
        self._loaded: set[str] = set()

    @property
    def _database(self) -> str:
        return shlex.quote(f"sql:{self._inside}/{DATABASE}")

    def create(self, shell: Shell) -> None:
        """Make an empty database; pluto does not start without one."""
        (self._directory / DATABASE).mkdir(exist_ok=True)
        self._loaded = set()
        policy = shlex.quote(POLICY.format(tls=self._tls))
        done = shell.run(
            f"rm -f {self._inside}/{DATABASE}/*; certutil -N -d {self._database} --empty-password &&\n"
            f"printf %s {policy} >> {self._inside}/{DATABASE}/{MODULES}"
        )
        if done.status != 0:
            raise DeviceError("libreswan", f"cannot make the NSS database: {done.output.strip()}")

    def must_be_new(self, connection: Connection) -> bool:
        """Whether there is something in the database that this connection must not have."""
        wanted = set(_wanted(connection))
        return bool(wanted and self._loaded - wanted)

    def complete(self, shell: Shell, connection: Connection) -> bool:
        """Add what this connection needs to the database; whether anything had to be. Raises DeviceError."""
        own, missing = _own_keys(connection), set(_wanted(connection)) - self._loaded
        trust = [one for each in connection.every for one in each.trust]
        script = [
            self._own(own[name]) if name in own else self._certificate(name, one, "CT,," if one in trust else ",,")
            for name, one in _wanted(connection).items()
            if name in missing
        ]
        if not script:
            return False
        self._loaded |= missing
        done = shell.run(" &&\n".join(script), patience=10.0)
        if done.status != 0:
            raise DeviceError("libreswan", f"refuses a certificate: {done.output.strip().splitlines()[-1]}")
        return True

    def _certificate(self, name: str, certificate: x509.Certificate, trust: str) -> str:
        file = f"{name}.pem"
        (self._directory / file).write_bytes(certificate.public_bytes(Encoding.PEM))
        return f"certutil -A -n {name} -t {trust} -i {self._inside}/{file} -d {self._database}"

    def _own(self, own: PublicKey) -> str:
        if not isinstance(own.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Unsupported(Capability.ED25519, "libreswan", f"cannot sign with a {type(own.key).__name__}")
        name = name_of(own.chain[0])
        data = pkcs12.serialize_key_and_certificates(
            name.encode(), own.key, own.chain[0], None, _QUICK.build(_PASSWORD)
        )
        path = self._directory / "own.p12"
        path.touch(mode=0o600)
        path.write_bytes(data)
        file = f"{self._inside}/own.p12"
        return f"pk12util -i {file} -d {self._database} -W {_PASSWORD.decode()} -K '' && rm {file}"
