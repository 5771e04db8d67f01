"""The agent's configuration: the good file is understood, each wrong one is named exactly."""

import ipaddress
import shutil
from pathlib import Path

import pytest

from agent import config
from agent.collectorsettings import Collector
from agent.errors import ConfigError
from agent.records import AgentId, Origin, Protocol
from agent.targets import Limits, ProbeTarget, WitnessLimits

FILES = Path(__file__).with_name("config")
WRONG = sorted(path.name for path in FILES.glob("*.toml") if path.name != "good.toml")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with every file, closed to others as a token's file must be."""
    for path in FILES.iterdir():
        shutil.copy(path, tmp_path)
    for token in tmp_path.glob("*.token"):
        token.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_file_is_named_exactly(home: Path, name: str) -> None:
    """The first line of a wrong file is a comment with the message that it must cause."""
    expected = (home / name).read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(ConfigError) as caught:
        config.load(Path(name))
    assert str(caught.value) == expected


def test_good_file(home: Path) -> None:
    """Every value of the good file arrives, durations in nanoseconds, paths beside the file."""
    expected = config.Config(
        name="paris-1",
        agent_id=AgentId(bytes(range(16))),
        origin=Origin(latitude=48.85, longitude=2.35, radius_km=30.0),
        state_directory=home / "state",
        collector=Collector(
            host="",
            port=0,
            socket=home / "collector.sock",
            token=(home / "good.token").read_text().strip(),
        ),
        uplink=config.Uplink(interval_s=5.0, spool_batches=1000),
        dns=config.Dns(server=("127.0.0.53", 5353), names=True, cache_s=7200, timeout_s=0.5),
        limits=Limits(
            packets_per_s=100.0,
            per_target_per_s=5.0,
            per_prefix_per_s=20.0,
            opt_out=(
                ipaddress.ip_network("198.51.100.0/24"),
                ipaddress.ip_network("2001:db8:ffff::/48"),
            ),
            witness=WitnessLimits(enabled=True, per_minute=30),
        ),
        targets=(
            ProbeTarget(
                target="192.0.2.7",
                zone="ovh/gra",
                address="192.0.2.7",
                interval_ns=500_000_000,
                trace_interval_ns=10_000_000_000,
                timeout_ns=1_000_000_000,
            ),
            ProbeTarget(
                target="eu-west-3.example",
                zone="aws/eu-west-3",
                address=None,
                interval_ns=1_000_000_000,
                timeout_ns=1_000_000_000,
            ),
            ProbeTarget(
                target="eu-west-3.example",
                zone="aws/eu-west-3",
                address=None,
                family=6,
                interval_ns=1_000_000_000,
                timeout_ns=1_000_000_000,
            ),
            ProbeTarget(
                target="2001:db8::7",
                zone="ovh/rbx",
                address="2001:db8::7",
                family=6,
                interval_ns=1_000_000_000,
                trace_interval_ns=60_000_000_000,
                trace_protocol=Protocol.UDP,
                flows=16,
                timeout_ns=1_000_000_000,
            ),
            ProbeTarget(
                target="six.example",
                zone="ovh/rbx",
                address=None,
                family=6,
                interval_ns=1_000_000_000,
                timeout_ns=1_000_000_000,
            ),
        ),
    )
    assert config.load(home / "good.toml") == expected


def test_an_agent_alone_has_no_collector(home: Path) -> None:
    """Without the table [collector] nothing is uploaded, and no token is needed."""
    text = (home / "good.toml").read_text()
    begin, end = text.index("[collector]"), text.index("[uplink]")
    (home / "alone.toml").write_text(text[:begin] + text[end:])
    assert config.load(home / "alone.toml").collector is None


def test_a_collector_over_tcp(home: Path) -> None:
    """An http URL gives host and port, 80 where it names none."""
    text = (home / "good.toml").read_text()
    (home / "tcp.toml").write_text(text.replace("unix:collector.sock", "http://c.example:9465/"))
    (home / "web.toml").write_text(text.replace("unix:collector.sock", "http://c.example"))
    found = [config.load(home / name).collector for name in ("tcp.toml", "web.toml")]
    assert [(item.place, item.socket) for item in found if item] == [
        ("http://c.example:9465", None),
        ("http://c.example:80", None),
    ]


def test_a_contact(home: Path) -> None:
    """Whom to ask about our packets; nobody unless the file says so."""
    text = (home / "good.toml").read_text()
    named = text.replace("radius_km = 30", 'radius_km = 30\ncontact = "noc@example.net"')
    (home / "contact.toml").write_text(named)
    found = [config.load(home / name).contact for name in ("good.toml", "contact.toml")]
    assert found == [None, "noc@example.net"]


def test_an_open_token_is_refused(home: Path) -> None:
    """A token that anybody on the host may read is no secret; the fix is named."""
    (home / "good.token").chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        config.load(Path("good.toml"))
    assert str(caught.value) == (
        "good.toml:11: [collector] token_file: anybody may use good.token (mode 644);"
        " run: chmod 600 good.token"
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/borne-agent:/other"}, "/var/lib/borne-agent"),
        ({"XDG_STATE_HOME": "/state"}, "/state/borne"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/borne"),
    ],
)
def test_default_state_directory(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    expected: str,
) -> None:
    """Where the file names no state directory: systemd's, else XDG's, else the home's."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    text = (home / "good.toml").read_text().replace('state_directory = "state"\n', "")
    (home / "stateless.toml").write_text(text)
    assert config.load(home / "stateless.toml").state_directory == Path(expected)


def test_a_thousand_targets_load_quickly(home: Path) -> None:
    """Checking for doubles is no quadratic search: ten thousand targets are loaded."""
    text = (home / "good.toml").read_text()
    head = text[: text.index("[[targets]]")]
    rows = [
        f'[[targets]]\ntarget = "10.0.{index // 256}.{index % 256}"\nzone = "a/b"\n'
        for index in range(1000)
    ]
    (home / "many.toml").write_text(head + "\n".join(rows))
    assert len(config.load(home / "many.toml").targets) == 1000


def test_a_long_opt_out_list(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is bounded, for every address is looked up in all of it."""
    monkeypatch.setattr(config, "MAX_OPT_OUT", 1)
    with pytest.raises(ConfigError) as caught:
        config.load(Path("good.toml"))
    assert str(caught.value) == ("good.toml:27: [limits] opt_out: at most 1 are possible, not 2")
    assert (home / "good.toml").exists()


def test_too_many_targets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of targets is bounded, and the bound is named."""
    monkeypatch.setattr(config, "MAX_TARGETS", 1)
    with pytest.raises(ConfigError) as caught:
        config.load(Path("good.toml"))
    assert str(caught.value) == "good.toml:30: targets: at most 1 are possible, not 4"
    assert (home / "good.toml").exists()
