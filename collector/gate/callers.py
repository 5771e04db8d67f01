"""Words: who calls, as the request shows it: a bearer token, the names of a client certificate.

Rules
- The names are those that a certificate authority of the settings vouched for: the TLS layer has
  verified the certificate before anything is read here.
- Names are the subject's alternative ones (RFC 5280 section 4.2.1.6): DNS names and URIs. Where a
  certificate has none at all, its common names stand in, as they did before RFC 6125.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

_KINDS = frozenset({"DNS", "URI"})


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What one request says of who sent it; nothing of it is believed yet but the names."""

    token: str | None = None
    """Bearer token (RFC 6750 section 2.1); None where there is none."""
    names: frozenset[str] = frozenset()
    """Names of a verified client certificate; empty where there is none."""


NOBODY = Caller()


def bearer(authorization: str) -> str | None:
    """Return the bearer token of an `Authorization` header, None where there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def secret(authorization: str) -> str | None:
    """Return the token of an `Authorization` header: a bearer's, or the password of any user.

    Browsers know no other form than the second (RFC 7617).
    """
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return bearer(authorization)
    try:
        pair = base64.b64decode(rest.strip(), validate=True).decode()
    except ValueError:
        return None
    return pair.partition(":")[2] or None


def names_of(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the names of a peer's certificate as `ssl.SSLSocket.getpeercert` describes it."""
    if not certificate:
        return frozenset()
    alternative = frozenset(
        value for kind, value in certificate.get("subjectAltName", ()) if kind in _KINDS
    )
    if "subjectAltName" in certificate:
        return alternative
    parts = (part for names in certificate.get("subject", ()) for part in names)
    return frozenset(value for key, value in parts if key == "commonName")
