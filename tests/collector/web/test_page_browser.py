"""The pages in a real browser: what it shows, and that a phone needs no sideways scrolling."""

import contextlib
import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.web import page
from tests.fakes.collector_face import CONFIG, NOW_NS, OPEN
from tests.fakes.collector_ports import FakeReader

CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-default-apps", "--no-proxy-server"),
)

PHONE = """<!doctype html><title>measuring</title>
<iframe id="phone" src="{page}" style="border:0;width:{width}px;height:800px"></iframe>
<script>
addEventListener("load", () => {{
  const shown = document.getElementById("phone").contentDocument;
  const over = (box) => box.scrollWidth - box.clientWidth;
  const boxes = [shown.documentElement, ...shown.querySelectorAll(".wide")];
  const rows = [...shown.querySelectorAll("tbody tr")].map((row) => row.clientHeight);
  document.title = `over ${{Math.max(...boxes.map(over))}} row ${{Math.max(...rows)}} end`;
}});
</script>
"""

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve files on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The pages and their files in a folder."""
    found = tmp_path / "site"
    (found / "static").mkdir(parents=True)
    for name in page.ASSETS:
        (found / "static" / name).write_bytes(page.asset(name))
    (found / "crossings").mkdir()
    (found / "index.html").write_text(page.overview(FakeReader(), CONFIG, NOW_NS), "utf-8")
    text = page.crossing(FakeReader(), OPEN.id, NOW_NS)
    (found / "crossings" / "one.html").write_text(text, "utf-8")
    return found


def dumped(site: Path, *names: str) -> list[str]:
    """Return each page as a browser has it once it is loaded."""
    chromium = shutil.which("chromium")
    assert chromium, "missing: apt-get install -y --no-install-recommends chromium"
    profile = f"--user-data-dir={site.parent / 'profile'}"
    with served(site) as address:
        return [
            subprocess.run(
                [chromium, *CHROMIUM, profile, "--dump-dom", f"{address}/{name}"],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout
            for name in names
        ]


def test_chromium_renders_the_pages(site: Path) -> None:
    """A real browser shows headline, tables and the stranger's name as text, and runs nothing."""
    first, second = dumped(site, "index.html", "crossings/one.html")
    assert "1 crossing now: paris → oracle/eu-marseille-1 leaves FX through DE</h1>" in first
    assert first.count("<table>") == 3
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.transit.example" in second
    assert second.count("<tr") == 8


@pytest.mark.parametrize("width", [360, 390, 600])
def test_a_phone_scrolls_no_table(site: Path, width: int) -> None:
    """Nothing is wider than the screen, and no row is taller than it."""
    names = ("index.html", "crossings/one.html")
    for number, name in enumerate(names):
        (site / f"phone{number}.html").write_text(PHONE.format(page=name, width=width), "utf-8")
    for text in dumped(site, "phone0.html", "phone1.html"):
        words = text.partition("<title>")[2].partition("</title>")[0].split()
        over, row = int(words[1]), int(words[3])
        assert 0 == over
        assert 0 < row < 640
