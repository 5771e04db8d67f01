"""The pages as tests read them: nesting checked, tags and text collected."""

from html.parser import HTMLParser

from collector.web import page
from tests.fakes.collector_face import (
    CONFIG,
    NOW_NS,
    OPEN,
)
from tests.fakes.collector_ports import FakeReader

VOID = {"meta", "link", "img", "br"}


class Outline(HTMLParser):
    """Checks the nesting of tags while it collects what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag, and remember that it must be closed."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.words += data.split()

    @property
    def text(self) -> str:
        """The text of the page, its white space as single blanks."""
        return " ".join(self.words)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every `tag`."""
        return [attributes for name, attributes in self.tags if name == tag]


def overview(reader: FakeReader | None = None) -> Outline:
    """Return the page `/`."""
    return Outline(page.overview(reader or FakeReader(), CONFIG, NOW_NS))


def crossing(reader: FakeReader | None = None, ident: str = OPEN.id) -> Outline:
    """Return the page of a crossing."""
    return Outline(page.crossing(reader or FakeReader(), ident, NOW_NS))
