"""The rules, alerts, examples and runbooks, judged by Prometheus' and Alertmanager's own tools."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.settings.websettings import DEFAULT_LISTEN

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
UNIT_TESTS = sorted((FOLDER / "tests").glob("*.yml"))
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def rules(kind: str) -> list[dict[str, Any]]:
    """Give every rule of all rule files that is an `alert` or a `record`."""
    groups = [group for f in RULE_FILES for group in yaml.safe_load(f.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = [pytest.param(rule, id=rule["alert"]) for rule in rules("alert")]


def tool(name: str, package: str) -> str:
    """Find a program of a Debian package; without it the test fails and says what installs it."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install -y --no-install-recommends {package}")
    return found


def assert_succeeds(*command: str) -> None:
    """Run `command` in the folder of the rules; show its output if it fails."""
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_promtool_accepts_the_rules(path: Path) -> None:
    """Prometheus can load each rule file, with no lint finding."""
    assert_succeeds(tool("promtool", "prometheus"), "check", "rules", "--lint-fatal", str(path))


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_rules_do_what_their_unit_tests_say(path: Path) -> None:
    """Alerts fire, stay and resolve, and recorded values are right, on promtool's own clock."""
    assert_succeeds(tool("promtool", "prometheus"), "test", "rules", str(path))


def test_the_example_for_prometheus_loads() -> None:
    """The example configuration is valid and finds the rule files."""
    assert_succeeds(tool("promtool", "prometheus"), "check", "config", "prometheus.yml")


def test_the_example_for_alertmanager_loads() -> None:
    """The example configuration of Alertmanager is valid."""
    assert_succeeds(tool("amtool", "prometheus-alertmanager"), "check-config", "alertmanager.yml")


def test_the_alerts_are_those_that_are_documented() -> None:
    """Nothing else alerts, so nothing else needs a runbook."""
    expected = [
        *("BorneCrossingConfirmed", "BorneForeignGroupOnPath", "BorneAgentAbsent"),
        "BorneSinkBehind",
    ]
    assert expected == [rule["alert"] for rule in rules("alert")]


def test_every_alert_is_covered_by_a_unit_test() -> None:
    """Each alert is named as firing in at least one unit test, and each rule has one."""
    fired = {
        case["alertname"]
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }
    assert {rule["alert"] for rule in rules("alert")} == fired


def test_a_crossing_is_not_debounced_twice() -> None:
    """The crossing table alone debounces: `for: 0s`, and one minute of staying."""
    (rule,) = [r for r in rules("alert") if r["alert"] == "BorneCrossingConfirmed"]
    assert ("0s", "1m") == (rule["for"], rule["keep_firing_for"])


@pytest.mark.parametrize("rule", ALERTS)
def test_alert_carries_what_a_person_needs(rule: dict[str, Any]) -> None:
    """Severity, a constant summary, a description with values, a runbook, and no dashboard."""
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert {"summary", "description", "runbook_url"} == set(annotations)
    assert "{{" not in annotations["summary"]
    assert "{{ $labels." in annotations["description"]


@pytest.mark.parametrize("rule", ALERTS)
def test_alert_has_a_runbook_with_four_chapters(rule: dict[str, Any]) -> None:
    """The runbook is where its address says, and each of its headings has text."""
    path = ROOT / rule["annotations"]["runbook_url"]
    assert FOLDER / "runbooks" / f"{rule['alert']}.md" == path
    title, *chapters = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
    assert f"# {rule['alert']}" == title.strip()
    assert HEADINGS == [chapter.partition("\n")[0] for chapter in chapters]
    assert all(len(chapter.partition("\n")[2].split()) > 20 for chapter in chapters)


def test_no_runbook_is_an_orphan() -> None:
    """A runbook belongs to an alert."""
    files = {path.stem for path in (FOLDER / "runbooks").glob("*.md")}
    assert {rule["alert"] for rule in rules("alert")} == files


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_recording_rule_is_named_level_metric_operation(rule: dict[str, Any]) -> None:
    """The name tells the level of aggregation, the metric and the operation."""
    assert re.fullmatch(r"zone:borne_[a-z_]+:[a-z0-9_]+", rule["record"]) is not None


def test_every_metric_that_the_rules_read_is_one_that_a_program_exports() -> None:
    """A metric that is renamed in a program is renamed in the rules, or this test fails.

    The programs write names without the endings that the exposition adds.
    """
    texts = [str(rule["expr"]) for kind in ("alert", "record") for rule in rules(kind)]
    assert read_by(texts)
    assert set() == unknown(read_by(texts))


def test_the_runbooks_name_metrics_that_exist() -> None:
    """Whoever follows a runbook at night finds each metric and each recorded series it names."""
    texts = [path.read_text() for path in (FOLDER / "runbooks").glob("*.md")]
    assert read_by(texts)
    assert set() == unknown(read_by(texts))
    recorded = {rule["record"] for rule in rules("record")}
    assert set(re.findall(r"zone:[a-z0-9_:]+", " ".join(texts))) <= recorded


def read_by(texts: Iterable[str]) -> set[str]:
    """Find the names of metrics in `texts`, without those that a recording rule makes."""
    return set(re.findall(r"(?<![:a-z_])borne_[a-z_]+(?!:)\b", " ".join(texts)))


def unknown(names: set[str]) -> set[str]:
    """Keep the names that no program exports."""
    tables = [ROOT / "agent" / "metrics.py", ROOT / "collector" / "web" / "metricrows.py"]
    exported = set(re.findall(r'"(borne_[a-z_]+)"', "".join(t.read_text() for t in tables)))
    return {n for n in names if not {n, re.sub("_(total|bucket)$", "", n)} & exported}


def test_the_example_asks_the_collector_where_it_listens() -> None:
    """The example's port is the collector's default; the agent's stands in the words above it."""
    text = (FOLDER / "prometheus.yml").read_text()
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in yaml.safe_load(text)["scrape_configs"]
    }
    assert list(DEFAULT_LISTEN) == jobs["borne-collector"]
    (agent,) = jobs["borne-agent"]
    assert f"--web.listen-address {agent}" in text
