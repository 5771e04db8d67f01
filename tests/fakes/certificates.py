"""Certificates for tests, made by openssl: an authority, and what it vouches for."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_DAYS = ("-days", "2")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Pair(NamedTuple):
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A certificate authority of its own."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        """Make its certificate, `file`, in `directory`."""
        self._directory = directory
        self.file = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        made = ("-keyout", str(self._key), "-out", str(self.file), "-subj", f"/CN={name}")
        _openssl("req", "-x509", *_KEY, *_DAYS, *made)

    def issue(self, name: str, *names: str) -> Pair:
        """Return a certificate of the subject `name` with alternative names such as `DNS:a`."""
        found = Pair(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        extension = ("-addext", f"subjectAltName={','.join(names)}") if names else ()
        authority = ("-CA", str(self.file), "-CAkey", str(self._key))
        made = ("-keyout", str(found.key), "-out", str(found.certificate), "-subj", f"/CN={name}")
        _openssl("req", "-x509", *authority, *_KEY, *_DAYS, *made, *extension)
        return found
