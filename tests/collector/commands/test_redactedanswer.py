"""What `query --redact` prints names no agent and no private address; all else is as it was."""

import json
from typing import Any

import msgspec
import pytest

from collector import cli
from collector.audit.redaction import Redactor
from collector.commands.redactedanswer import redacted
from collector.facts.networks import Networks, load_special
from collector.records import SeriesQuery
from collector.web import api
from collector.web.questions import EpisodesQuery, PathsQuery, Range
from tests.fakes.collector_face import HELD, NOW_NS
from tests.fakes.collector_ports import FakeReader

HOUR = SeriesQuery(from_ns=NOW_NS - 3600 * 10**9, to_ns=NOW_NS, step_ns=10 * 10**9)


def hidden(question: str, answer: Any, salt: bytes = b"salt") -> tuple[Any, Any]:  # noqa: ANN401 - JSON
    """Return an answer as it is and as it is shown."""
    plain = msgspec.json.decode(api.encode(answer))
    return plain, redacted(question, plain, Redactor(salt, Networks(load_special(), ())))


def paths() -> Any:  # noqa: ANN401 - JSON
    """Return an answer over documentation addresses, which are special, all of them."""
    return api.paths(FakeReader(), PathsQuery(agent=None, target=None, limit=10))


def test_paths_keep_their_verdicts_and_lose_their_addresses() -> None:
    """Numbers, words and times stay; agents, special addresses and ids are hashes."""
    plain, shown = hidden("paths", paths())
    text = json.dumps(shown)
    for word in ("paris", 'frankfurt"', "198.51.100", "203.0.113"):
        assert (word in json.dumps(plain), word in text) == (True, False), word
    for before, after in zip(plain["paths"], shown["paths"], strict=True):
        assert before["id"] != after["id"]
        for key in ("started_at", "countries", "family", "reached", "flows"):
            assert before[key] == after[key]
        words = [
            [(row["jurisdiction"], row["axis"], row["verdict"]) for row in one["verdicts"]]
            for one in (before, after)
        ]
        assert words[0] == words[1]


def test_a_public_gateway_is_hidden_with_its_name() -> None:
    """Whoever answers at TTL 1 shows where the agent is; a router behind it does not."""
    hop = {"ttl": 1, "address": "62.115.137.1", "name": "prs-b1.example"}
    far = {"ttl": 2, "address": "62.115.137.9", "name": "prs-b2.example"}
    again = {"ttl": 3, "address": "62.115.137.1", "name": "prs-b1-again.example"}
    says = ["hop 1 (62.115.137.1) is inside FX: a test"]
    row = {"id": "p", "agent": "paris", "hops": [hop, far, again], "reasons": says}
    _, shown = hidden("paths", {"paths": [row], "next": "9"})
    text = json.dumps(shown)
    assert ("62.115.137.1 " in text, "prs-b1" in text) == (False, False)
    assert ("62.115.137.9" in text, "prs-b2.example" in text, shown["next"]) == (True, True, None)


def test_the_name_of_a_private_target_is_hidden() -> None:
    """Its address beside it says that it is one."""
    row = {"id": "p", "agent": "paris", "target": "db.corp.example", "address": "10.9.8.7"}
    _, shown = hidden("paths", {"paths": [row]})
    assert "corp" not in json.dumps(shown)


def test_ids_that_hold_an_agents_name_are_hashed() -> None:
    """Of crossings and of findings, which name a path besides."""
    reader = FakeReader()
    reader.finding_rows = [HELD]
    for question, ask in (("crossings", api.crossings), ("findings", api.findings)):
        plain, shown = hidden(question, ask(reader, EpisodesQuery()))
        for before, after in zip(plain[question], shown[question], strict=True):
            assert after["id"].startswith("crossing-")
            assert before["id"] != after["id"]
            assert after.get("path", "path-").startswith("path-")
            assert before["jurisdiction"] == after["jurisdiction"]


def test_the_same_word_has_the_same_hash_in_one_answer() -> None:
    """And another one by another salt."""
    _, one = hidden("paths", paths())
    _, again = hidden("paths", paths())
    _, other = hidden("paths", paths(), b"pepper")
    assert one == again
    assert one["paths"][0]["agent"] != other["paths"][0]["agent"]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("question", ["series", "zones", "paths", "crossings", "findings"])
def test_the_command(question: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every question in every form that a terminal shows."""
    source = FakeSource()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.commands.query._source", lambda _: source)
        words = ["query", question, "--format", form]
        assert 0 == cli.main(words)
        plain = capsys.readouterr().out
        assert 0 == cli.main([*words, "--redact"])
    shown = capsys.readouterr().out
    assert "paris" in plain
    for word in ("paris", "198.51.100", "203.0.113"):
        assert word not in shown


class FakeSource:
    """Answers over the small world."""

    def ask(self, question: str, _: object) -> Any:  # noqa: ANN401 - JSON
        """Return the answer of the API."""
        reader = FakeReader()
        reader.finding_rows = [HELD]
        answers = {
            "paths": paths,
            "crossings": lambda: api.crossings(reader, EpisodesQuery()),
            "findings": lambda: api.findings(reader, EpisodesQuery()),
            "zones": lambda: api.zones(reader, Range(from_ns=0, to_ns=1)),
            "series": lambda: api.series(reader, HOUR),
        }
        return msgspec.json.decode(api.encode(answers[question]()))
