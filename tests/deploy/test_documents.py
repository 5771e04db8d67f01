"""What the documents tell people to write is what the programs accept, and links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agent import config as agent_config
from collector.settings import config as collector_config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "deploy" / "docs"
PAGES = sorted({ROOT / "README.md", *DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("README.md")})
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def _example(page: str, heading: str) -> str:
    """Return the TOML block below a heading of a page."""
    below = (DOCS / page).read_text(encoding="utf-8").partition(f"## `{heading}`")[2]
    return below.partition("```toml\n")[2].partition("```")[0]


def test_the_agents_example_is_accepted(tmp_path: Path) -> None:
    """`agent.toml` of the document is read as it stands, but for the place of the token."""
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("0123456789abcdef")
    file = tmp_path / "agent.toml"
    file.write_text(_example("agent.md", "agent.toml").replace("/etc/borne/token", str(token)))

    assert agent_config.load(file).name == "paris-1"


def test_the_collectors_example_is_accepted(tmp_path: Path) -> None:
    """`collector.toml` of the document is read as it stands, but for the digest."""
    file = tmp_path / "collector.toml"
    text = _example("collector.md", "collector.toml")
    file.write_text(text.replace('token_sha256 = "..."', f'token_sha256 = "{"ab" * 32}"'))

    assert [vantage.name for vantage in collector_config.load(file).agents] == ["paris-1"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a document names a file or folder of the repository."""
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_the_explained_path_is_what_the_command_prints() -> None:
    """The block of `explain.md` is the output of its own command, word for word.

    When this fails because verdicts read otherwise now, run the command and put its output there.
    """
    text = (DOCS / "explain.md").read_text(encoding="utf-8")
    command, _, shown = text.partition("\n$ ")[2].partition("```")[0].partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli", *shlex.split(command)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert shown == done.stdout
