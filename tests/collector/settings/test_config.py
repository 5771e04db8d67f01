"""What the collector's settings must accept, and how each mistake must be named."""

from pathlib import Path

import pytest

from agent.errors import ConfigError
from collector.records import Jurisdiction, NetworkOverride, Place, Vantage, Verdict, Zone
from collector.settings.config import Config, load
from collector.settings.limits import Limits
from collector.settings.policy import Demands, PolicyRow
from collector.settings.websettings import DEFAULT_LISTEN

FILES = Path(__file__).parents[1] / "config"
WRONG = sorted(path.stem for path in FILES.glob("*.toml") if path.stem != "good")


def test_good_file_gives_every_word() -> None:
    """Every key of the file arrives as the word it stands for."""
    expected = Config(
        listen=("127.0.0.1:9465", "[::1]:9465", "unix:/run/borne/collector.sock", "fd:3"),
        directory=Path("/var/lib/borne"),
        checkpoint_interval_s=20,
        grace_s=15,
        limits=Limits(body_octets=1048576, inflated_octets=4194304, skew_s=60),
        agents=(
            Vantage(
                name="paris",
                agent_id=bytes(range(16)),
                token_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",  # noqa: S106 - a digest
                place=Place(
                    name="Paris",
                    territory="FR",
                    latitude=48.8566,
                    longitude=2.3522,
                    radius_km=15.0,
                ),
                addresses=("192.0.2.1", "2001:db8::1"),
            ),
        ),
        zones=(
            Zone(
                provider="oracle",
                region="eu-marseille-1",
                place=Place(
                    name="Marseille",
                    territory="FR",
                    latitude=43.2965,
                    longitude=5.3698,
                    radius_km=30.0,
                ),
                group_country="US",
                targets=("192.0.2.10", "objectstorage.eu-marseille-1.example"),
            ),
        ),
        networks=(
            NetworkOverride(
                prefix="198.51.100.0/24",
                asn=64500,
                holder="Example Transit",
                author="the operator",
                date="2026-11-01",
                reason="a network of our own",
                registrant="FR",
                group="Example Holding",
                group_country="CH",
            ),
        ),
        atlas=Path("/var/lib/borne-atlas"),
        jurisdictions=(
            Jurisdiction(
                name="BENELUX",
                territories=frozenset({"BE", "LU", "NL"}),
                as_of="2026-11-26",
                source="a test",
            ),
        ),
        policy=(
            PolicyRow(
                zone="oracle/*",
                target="192.0.2.10",
                agent="paris",
                demands=Demands(("FX", "BENELUX"), ("EU",), Verdict.PROVEN_OUTSIDE),
            ),
            PolicyRow(zone="oracle/eu-marseille-1", demands=Demands()),
        ),
    )
    assert expected == load(FILES / "good.toml")


def test_defaults_where_tables_are_absent(tmp_path: Path) -> None:
    """A file with a store and one agent is enough; the rest has defaults."""
    text = (FILES / "good.toml").read_text(encoding="utf-8")
    agents = text[text.index("[[agents]]") : text.index("[[zones]]")]
    path = tmp_path / "collector.toml"
    path.write_text(f'[store]\ndirectory = "store"\n{agents}', encoding="utf-8")
    found = load(path)
    expected = (DEFAULT_LISTEN, 60, 10, 30, Limits(), (), (), None)
    assert expected == (
        found.listen,
        found.checkpoint_interval_s,
        found.window_s,
        found.grace_s,
        found.limits,
        found.zones,
        found.networks,
        found.atlas,
    )


@pytest.mark.parametrize("rule", WRONG)
def test_wrong_file_has_its_exact_message(rule: str) -> None:
    """The file named after a rule breaks that rule alone; its first line is the message."""
    path = FILES / f"{rule}.toml"
    expected = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert expected == str(caught.value).replace(str(path), "FILE")


def test_mistaken_token_is_never_shown() -> None:
    """Who pastes the token itself in place of its digest does not find it in the log."""
    with pytest.raises(ConfigError) as caught:
        load(FILES / "agent-token.toml")
    assert "secret" not in str(caught.value)


def test_lists_that_the_policy_names_are_judged_beside_those_for_all(tmp_path: Path) -> None:
    """A list of the release that no row names costs no path anything; own ones are judged."""
    text = (FILES / "good.toml").read_text(encoding="utf-8")
    file = tmp_path / "collector.toml"
    row = '\n[[policy]]\nagent = "paris"\nterritory = ["FX"]\nadministration = ["ADEQUACY"]\n'
    before = text[: text.index("[[policy]]")] if "[[policy]]" in text else text
    for added, expected in (("", ["BENELUX"]), (row, ["ADEQUACY", "BENELUX"])):
        file.write_text(f"{before}{added}", encoding="utf-8")
        assert expected == [one.name for one in load(file).judged]
