"""Keys and certificates where iked looks for them: files below /etc/iked, read again with every configuration."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.ike.core.connection import Connection
from peers.capabilities import Capability
from peers.contract import Unsupported
from peers.openiked import settings
from peers.openiked.translate import public_key


class Credentials:
    """The folder that iked sees as /etc/iked."""

    def __init__(self, directory: Path) -> None:
        """``directory`` is the run directory on this host."""
        self._folder = directory / settings.FOLDER
        self._spare = ec.generate_private_key(ec.SECP256R1())
        for name in settings.FOLDERS:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._write_key(self._spare)

    def write(self, connection: Connection | None) -> None:
        """Replace all by what this connection needs. Raises Unsupported."""
        own = public_key(connection) if connection is not None else None
        key = self._spare if own is None else own.key
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Unsupported(Capability.ED25519, "openiked", f"cannot sign with a {type(key).__name__}")
        self._write_key(key)
        chain = own.chain if own is not None else ()
        trust = connection.trust if connection is not None else ()
        # It looks for its own intermediates among the authorities; only those that sign themselves are trusted.
        for name, certificates in (("certs", chain[:1]), ("ca", (*trust, *chain[1:]))):
            for left in (self._folder / name).iterdir():
                left.unlink()
            for number, one in enumerate(certificates):
                (self._folder / name / f"{number}.crt").write_bytes(one.public_bytes(Encoding.PEM))

    def _write_key(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        path = self._folder / settings.KEY
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
