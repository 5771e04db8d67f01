"""Shell: a certificate for the HTTPS servers of the box, made by openssl at every start.

Rules
- It signs itself and is its own anchor of trust; its key never outlives the process.
- It names every host and every address that serves HTTPS (RFC 5280 §4.2.1.6).
"""

import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from deploy.lab.errors import HostError

_DAYS = "30"
_CONFIGURATION = """
[req]
distinguished_name = subject
x509_extensions = extensions
prompt = no
[subject]
CN = lab.invalid
[extensions]
basicConstraints = critical, CA:TRUE
subjectAltName = @names
[names]
"""


class Certificate(NamedTuple):
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


def make(names: Iterable[str], addresses: Iterable[str]) -> Certificate:
    """Make a certificate for host `names` and IP `addresses`.

    Raises: HostError where openssl is missing or refuses.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        message = "HTTPS in the lab needs the program openssl (Debian: apt install openssl)"
        raise HostError(message)
    rows = [f"DNS.{number} = {name}" for number, name in enumerate(names)]
    rows += [f"IP.{number} = {address}" for number, address in enumerate(addresses)]
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    with tempfile.TemporaryDirectory(prefix="borne-lab-") as folder:
        key, certificate = Path(folder, "key"), Path(folder, "certificate")
        command += ["-nodes", "-days", _DAYS, "-config", "/dev/stdin"]
        command += ["-keyout", str(key), "-out", str(certificate)]
        words = _CONFIGURATION + "\n".join(rows) + "\n"
        made = subprocess.run(command, check=False, input=words, capture_output=True, text=True)
        if made.returncode:
            message = f"openssl made no certificate for the lab: {made.stderr.strip()}"
            raise HostError(message)
        return Certificate(certificate.read_text("ascii"), key.read_text("ascii"))


def context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a TLS server with `certificate` needs."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", prefix="borne-lab-", encoding="ascii") as file:
        file.write(certificate.key + certificate.certificate)
        file.flush()
        found.load_cert_chain(file.name)
    return found
