"""What can go wrong in the cryptography of IKEv2 and IPsec."""


class CryptoError(Exception):
    """A value that the algorithm cannot accept: a public value, a key, a signature, a keyword."""


class IntegrityError(CryptoError):
    """The integrity check value does not fit what was received."""


class UnsupportedAlgorithm(CryptoError):  # noqa: N818 - the name that the field and the library use
    """An algorithm that is registered or well formed, but that cannot be computed here; the text names it."""


class CertificateError(CryptoError):
    """A certificate or a chain that must not be trusted; ``problem`` says why, in words fit for a verdict."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
