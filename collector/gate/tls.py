"""Shell: TLS of the collector: its context, and buffers that fit thousands of connections.

Rules
- TLS 1.2 and later, with the library's own choice of ciphers.
- asyncio gives each TLS connection a buffer of 256 KiB for what it reads (CPython issue 109534):
  287 kB a connection, measured. A batch is read in many pieces anyhow: 16 KiB hold one TLS record
  (RFC 8446 section 5.1).
"""

import asyncio.sslproto
import hashlib
import ssl
from typing import Final

from collector.errors import ConfigError
from collector.settings.websettings import Tls

BUFFER_OCTETS: Final = 16 * 1024


def settle() -> None:
    """Give TLS connections of this process small buffers; call it before the first is made."""
    asyncio.sslproto.SSLProtocol.max_size = BUFFER_OCTETS


def context(tls: Tls) -> ssl.SSLContext:
    """Return what serves connections as `tls` says.

    Raises:
        ConfigError: A file cannot be read, or is not what it should be; names it.
    """
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.set_alpn_protocols(["http/1.1"])
    try:
        found.load_cert_chain(tls.certificate_file, tls.key_file, password=_no_password)
    except (OSError, ValueError) as error:
        names = f"{tls.certificate_file} and {tls.key_file}"
        raise _unusable("the certificate", names, error) from error
    if tls.client_ca_file is not None:
        found.verify_mode = ssl.CERT_REQUIRED if tls.clients_required else ssl.CERT_OPTIONAL
        try:
            found.load_verify_locations(tls.client_ca_file)
        except (OSError, ValueError) as error:
            raise _unusable("the client CA", str(tls.client_ca_file), error) from error
    return found


def vouching(tls: Tls | None) -> str | None:
    """Return the SHA-256 of the authorities that vouch for clients; None where there are none.

    Raises:
        ConfigError: The file cannot be read.
    """
    if tls is None or tls.client_ca_file is None:
        return None
    try:
        return hashlib.sha256(tls.client_ca_file.read_bytes()).hexdigest()
    except OSError as error:
        raise _unusable("the client CA", str(tls.client_ca_file), error) from error


def _no_password() -> str:
    """Refuse a key that is encrypted: a daemon has nobody to ask."""
    raise ValueError("the key is encrypted; a daemon has nobody to ask for its passphrase")


def _unusable(what: str, names: str, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError(f"[web.tls] cannot use {what} in {names}: {why}; they must be PEM files")
