"""Statements that wait to be stored, written; and a disk that takes them at once."""

from collector.audit import evidence
from collector.routes import Routes


def unstored(routes: Routes) -> dict[str, bytes]:
    """Return the Statements that are not on the disk, by the SHA-256 of their octets."""
    written = [routes.statement(draft) for draft in routes.drafts]
    return {evidence.digest(octets): octets for octets in written}


def store_all(routes: Routes) -> dict[str, bytes]:
    """Bring them to the disk; return them."""
    found = unstored(routes)
    for draft, digest in zip(routes.drafts, found, strict=True):
        routes.stored(draft, digest)
    return found
