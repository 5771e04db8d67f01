"""The files of a run: both programs read them, and what must last is kept."""

import stat
from pathlib import Path

import pytest

from agent import config as agent_config
from collector.facts import zones
from collector.settings import config as collector_config
from deploy.lab.errors import StandError
from deploy.run import home
from deploy.run.standing import Standing

ZONES = [row.zone for row in zones.load() if row.probed]
HERE = Standing(latitude=48.85, longitude=2.35, radius_km=10.0, territory="FR")


def wishes(here: Standing = HERE, resolver: str | None = None) -> home.Wishes:
    """Return what somebody at `here` asks for."""
    return home.Wishes(
        standing=here, interval_s=5, round_s=120, resolver=resolver, contact="noc@example.net"
    )


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both programs work in the directory of the run."""
    monkeypatch.chdir(tmp_path)


def test_both_programs_understand_their_files(tmp_path: Path) -> None:
    """The same zones, targets, id, token and position stand on both sides."""
    name = home.write(tmp_path, wishes(resolver="[::1]:5353"), ZONES)
    agent = agent_config.load(home.AGENT_FILE)
    collector = collector_config.load(home.COLLECTOR_FILE)
    (vantage,) = collector.agents
    assert list(collector.zones) == ZONES
    assert {(t.zone, t.target) for t in agent.targets} == {
        (zone.ident, target) for zone in ZONES for target in zone.targets
    }
    assert (vantage.name, vantage.agent_id) == (name, bytes(agent.agent_id))
    assert (vantage.place.latitude, vantage.place.radius_km) == (
        agent.origin.latitude,
        agent.origin.radius_km,
    )
    assert (agent.dns.server, agent.dns.search) == (("::1", 5353), ())
    assert (agent.contact, vantage.place.territory) == ("noc@example.net", "FR")


def test_an_undeclared_position_is_understood_too(tmp_path: Path) -> None:
    """Both programs take a disc of the whole Earth, and a country that is none."""
    home.write(tmp_path, wishes(Standing()), ZONES)
    (vantage,) = collector_config.load(home.COLLECTOR_FILE).agents
    assert agent_config.load(home.AGENT_FILE).origin.radius_km == vantage.place.radius_km == 20_038
    assert vantage.place.territory == "ZZ"


def test_the_agent_stays_the_same_from_run_to_run(tmp_path: Path) -> None:
    """Id and token are made once, for their owner alone."""
    kept = ("agent.id", "agent.token")
    home.write(tmp_path, wishes(), ZONES)
    first = [(tmp_path / name).read_text() for name in kept]
    home.write(tmp_path, wishes(), ZONES)
    assert [(tmp_path / name).read_text() for name in kept] == first
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in kept}
    assert modes == {0o600}


@pytest.mark.parametrize(
    ("host", "expected"), [("paris-1.corp.example", "paris-1"), ("-odd", "this-host")]
)
def test_the_agent_is_called_as_its_host(
    monkeypatch: pytest.MonkeyPatch, host: str, expected: str
) -> None:
    """The first label of the host's name, where an agent may have that name."""
    monkeypatch.setattr(
        home.os, "uname", lambda: home.os.uname_result(("Linux", host, "6", "#1", "x86_64"))
    )
    assert home._own_name() == expected


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run in the same directory is refused with one sentence; afterwards it may."""
    directory = tmp_path / "new" / "run"
    with home.occupied(directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        with (
            pytest.raises(StandError, match=r"another run works in .*; end it first, or give"),
            home.occupied(directory),
        ):
            pass
    with home.occupied(directory) as again:
        assert again == directory


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """Where the files cannot be kept that is said, with the reason."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(StandError, match=r"cannot keep the files of the run in .*Not a directory"),
        home.occupied(tmp_path / "file" / "run"),
    ):
        pass
