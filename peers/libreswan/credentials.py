"""Keys and certificates in the NSS database of a running pluto.

NSS names certificates after their subject: two of the same subject cannot be told apart. So the database holds what one
connection needs and nothing else, and is changed with NSS's own tools, 10 ms for each change.
"""

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from conformance.ike.connection import Connection
from peers.contract import Capability, DeviceError, Unsupported
from peers.libreswan.settings import DATABASE
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


class Credentials:
    """The certificates in one database, and the key that belongs to one of them."""

    def __init__(self, directory: Path, inside: str) -> None:
        """``directory`` is the run directory on this host, ``inside`` the same as the daemon sees it."""
        self._directory = directory
        self._inside = inside
        self._loaded: set[str] = set()
        self._keys: set[str] = set()

    @property
    def _database(self) -> str:
        return shlex.quote(f"sql:{self._inside}/{DATABASE}")

    def create(self, shell: Shell) -> None:
        """Make an empty database; pluto does not start without one."""
        (self._directory / DATABASE).mkdir(exist_ok=True)
        self._loaded, self._keys = set(), set()
        done = shell.run(f"rm -f {self._inside}/{DATABASE}/*; certutil -N -d {self._database} --empty-password")
        if done.status != 0:
            raise DeviceError("libreswan", f"cannot make the NSS database: {done.output.strip()}")

    def replace(self, shell: Shell, connection: Connection) -> bool:
        """Make the database hold what this connection needs and nothing else; whether anything had to be changed."""
        wanted = {name_of(one): one for one in connection.trust}
        own = public_key(connection)
        chain = own.chain if own is not None else ()
        wanted |= {name_of(one): one for one in chain[1:]}
        keep = set(wanted) | ({name_of(chain[0])} if chain else set())
        script = list(self._removals(self._loaded - keep))
        for name in sorted(set(wanted) - self._loaded):
            script.append(self._certificate(name, wanted[name], "CT,," if wanted[name] in connection.trust else ",,"))
        if own is not None and chain and name_of(chain[0]) not in self._loaded:
            script.append(self._own(connection))
        if not script:
            return False
        self._loaded = set()  # unknown until it has succeeded
        done = shell.run(" &&\n".join(script), patience=10.0)
        if done.status != 0:
            raise DeviceError("libreswan", f"refuses a certificate: {done.output.strip().splitlines()[-1]}")
        self._loaded = keep
        self._keys = {name_of(chain[0])} if chain else set()
        return True

    def _removals(self, names: set[str]) -> Iterator[str]:
        for name in sorted(names):
            yield f"certutil {'-F' if name in self._keys else '-D'} -n {name} -d {self._database}"

    def _certificate(self, name: str, certificate: x509.Certificate, trust: str) -> str:
        file = f"{name}.pem"
        (self._directory / file).write_bytes(certificate.public_bytes(Encoding.PEM))
        return f"certutil -A -n {name} -t {trust} -i {self._inside}/{file} -d {self._database}"

    def _own(self, connection: Connection) -> str:
        own = public_key(connection)
        assert own is not None
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
