"""Decider: who may ask what, of those who are no agents.

    asked for                 reading open   no token   reader   operator
    pages, questions          yes            401        yes      yes
    evidence                  yes            401        403      yes
    reload                    no             401        403      yes

Rules
- Only digests of tokens are compared.
- Agents' own addresses (batches, plans) are none of this room's: `ingest` knows agents. An
  agent's token opens nothing else.
- Whether the process lives and is ready is no secret: whoever supervises it asks without a token.
"""

import hashlib
from enum import Enum, auto

from collector.errors import RefusedError
from collector.settings.websettings import Access, Role


class Need(Enum):
    """What a request needs."""

    NOTHING = auto()
    READ = auto()
    EVIDENCE = auto()
    OPERATE = auto()


_AGENTS = ("/v1/batches", "/v1/plan")
_OPEN = ("/-/healthy", "/-/ready")


def need_of(path: str) -> Need:
    """Return what a request for this path needs; what is not there needs what is beside it."""
    if path in _AGENTS or path in _OPEN:
        return Need.NOTHING
    if path.startswith("/-/"):
        return Need.OPERATE
    if path == "/v1/evidence" or path.startswith("/v1/evidence/"):
        return Need.EVIDENCE
    return Need.READ


def check(access: Access, need: Need, token: str | None) -> None:
    """Return where the owner of `token` may do what he asks for.

    Raises:
        RefusedError: 401 where nobody has this token, 403 where its owner may not.
    """
    if need is Need.NOTHING or (access.open_reading and need is not Need.OPERATE):
        return
    digest = hashlib.sha256((token or "").encode(errors="replace")).hexdigest()
    found = None if token is None else access.secrets.get(digest)
    if found is None:
        raise RefusedError(
            401,
            "access",
            "a token of [web] tokens_file is needed: as a bearer token, or as the password of any"
            " user",
        )
    if need is not Need.READ and found.role is not Role.OPERATOR:
        raise RefusedError(
            403, "access", f"{found.name} is a {found.role}; an operator may do that"
        )
