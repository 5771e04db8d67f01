"""Who may ask what: the table of the module, row by row."""

import hashlib

import pytest

from collector.errors import RefusedError
from collector.gate.access import Need, check, need_of
from collector.settings.websettings import Access, Role, Secret


def digest(token: str) -> str:
    """Return what the settings hold of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


SECRETS = {
    digest("read"): Secret("grafana", Role.READER),
    digest("operate"): Secret("alice", Role.OPERATOR),
}
TOKENS = (None, "agent", "", "read", "operate")
CLOSED = {
    Need.NOTHING: (0, 0, 0, 0, 0),
    Need.READ: (401, 401, 401, 0, 0),
    Need.EVIDENCE: (401, 401, 401, 403, 0),
    Need.OPERATE: (401, 401, 401, 403, 0),
}
OPEN = {**dict.fromkeys(Need, (0, 0, 0, 0, 0)), Need.OPERATE: CLOSED[Need.OPERATE]}


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("is_open", [True, False])
def test_every_token_against_every_need(need: Need, *, is_open: bool) -> None:
    """Each combination has its answer; 0 stands for yes."""
    access = Access(secrets=SECRETS, open_reading=is_open)

    def answer(token: str | None) -> int:
        try:
            check(access, need, token)
        except RefusedError as error:
            return error.status
        return 0

    assert (OPEN if is_open else CLOSED)[need] == tuple(map(answer, TOKENS))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Need.READ),
        ("/metrics", Need.READ),
        ("/v1/series", Need.READ),
        ("/v1/evidencex", Need.READ),
        ("/v1/evidence", Need.EVIDENCE),
        ("/v1/evidence/00", Need.EVIDENCE),
        ("/v1/batches", Need.NOTHING),
        ("/v1/plan", Need.NOTHING),
        ("/-/healthy", Need.NOTHING),
        ("/-/ready", Need.NOTHING),
        ("/-/reload", Need.OPERATE),
        ("/-/anything", Need.OPERATE),
        ("/v1/plan/", Need.READ),
        ("/nowhere", Need.READ),
    ],
)
def test_every_path_has_its_need(path: str, expected: Need) -> None:
    """What is not named needs a reader at least: a new address is closed until it is thought of."""
    assert expected is need_of(path)
