"""`borne-collector place`: what the tables say of one address, and nothing more."""

import json
from collections.abc import Iterator
from unittest import mock

import pytest

from collector.cli import main
from collector.facts import knowledge

PARIS, NAME = "62.115.125.171", "prs-b1-link.ip.twelve99.net"


@pytest.fixture(autouse=True)
def _tables() -> Iterator[None]:
    """Judge by the tables of the release alone."""
    with mock.patch("collector.commands.offline.tables", return_value=knowledge.load()):
        yield


def test_a_special_address(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no place; the range, its source and its date say why."""
    assert main(["place", "10.0.0.1"]) == 0
    out = capsys.readouterr().out
    assert "10.0.0.1\nPlace: special address. Operator: –.\n" in out
    assert "in 10.0.0.0/8 (private use)" in out
    assert "RFC 1918 (read)" in out


def test_a_name_that_nobody_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Its reading is shown with rule, source and date."""
    assert main(["place", PARIS, "--name", NAME]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(PARIS)
    assert "arelion.node, code prs" in text
    assert "2026-" in text


def test_json_is_a_hop_of_explain(capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the names of a hop."""
    assert main(["place", PARIS, "--name", NAME, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert ["ttl", "address", "name", "territory", "administration", "evidence"] == list(found)
    assert (PARIS, NAME) == (found["address"], found["name"])
    assert found["evidence"]


def test_nothing_is_said_of_what_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    """An address outside every table says so; IPv6 is an address too."""
    assert main(["place", "4000::1"]) == 0
    out = capsys.readouterr().out
    assert "Place: not known. Operator: –." in out
    assert "No table and no rule of this release speaks of it." in out


def test_what_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line and exit 2."""
    assert main(["place", "paris"]) == 2
    expected = "borne-collector: place 'paris': no IP address; give one such as 62.115.125.171\n"
    assert ("", expected) == capsys.readouterr()


def test_a_private_address_is_hidden_where_that_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its range is told; a public address is nobody's gateway here and stays."""
    for options in ([], ["--json"]):
        private = ["place", "192.168.7.9", "--name", "box.home.example", "--redact", *options]
        assert main(private) == 0
        out = capsys.readouterr().out
        assert ("192.168.7.9" in out, "box.home" in out, "address-" in out) == (False, False, True)
        assert "RFC 1918" in out
        assert main(["place", "62.115.125.171", "--redact", *options]) == 0
        assert "62.115.125.171" in capsys.readouterr().out
