"""The table for people: what stands where, what stands out, and no trick of a name."""

import io

import pytest
from rich.console import Console

from collector.commands import pathtable
from collector.commands.explain import DEFAULTS
from collector.facts import atlas, knowledge
from collector.facts.regions import BY_NAME
from collector.facts.soil import Soil
from collector.judgement.borders import judge
from tests.fakes import imports
from tests.fakes.imports import ABROAD, PARIS, TARGET, borne, said

KNOWLEDGE = knowledge.load()
ASKED = [BY_NAME[name] for name in DEFAULTS]
ORIGIN = {"latitude": 48.85341, "longitude": 2.3488, "radius_km": 5.0}


def drawn(
    document: object, *, color: bool = False, declared_by: str = "the file", width: int = 100
) -> str:
    """Return the text of the one path of a document."""
    (path,) = imports.paths(document)
    judgement = judge(path, agent="", zone=None, knowledge=KNOWLEDGE, jurisdictions=ASKED)
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None
    )
    console.print(pathtable.draw(path, judgement, declared_by=declared_by, columns=width))
    return out.getvalue()


def words(document: object) -> str:
    """Return the same on one line with single spaces."""
    return " ".join(drawn(document, width=240).split())


def row(document: object, start: str) -> list[str]:
    """Return the words of the line that begins with `start`."""
    lines = drawn(document, width=240).splitlines()
    return next(line for line in lines if line.strip().startswith(start)).split()


def test_a_hop_abroad() -> None:
    """Address, name, time and place with the kind of evidence stand on one line."""
    line = " ".join(row(ABROAD, "2 "))
    assert line.startswith("2 193.251.241.22 ffttr6.frankfurt.opentransit.net 20.000 ▲ Frankfurt")
    assert "(name)" in words(ABROAD)


def test_the_verdict_is_one_sentence_with_its_coverage() -> None:
    """FX is left, EU and EEA are not known: two sentences, with what they rest on."""
    text = words(ABROAD)
    assert (
        "▲ FX (metropolitan France): outside. At least one hop has evidence of a place outside, "
        "and physics does not refute it. Evidence places 2 of 3 hops that answered; none kept "
        "silent. - hop 2 (193.251.241.22) is outside: its confirmed name"
    ) in text
    assert "○ EU (European Union) and EEA (European Economic Area): undetermined." in text


def test_hops_abroad_stand_out() -> None:
    """On a terminal the line of the hop abroad is bold and red, that of the hop in Paris is not."""
    abroad, home = (
        next(line for line in drawn(ABROAD, color=True).splitlines() if address in line)
        for address in ("193.251.241.22", f"{PARIS} ")
    )
    assert "\x1b[1;31m" in abroad
    assert "\x1b[1;31m" not in home


def test_no_color_without_a_terminal() -> None:
    """What is piped has no escape sequence, and no line is wider than a hundred columns."""
    text = drawn(ABROAD)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ({"lost": True}, "no answer"),
        (said("10.0.0.1"), "special address"),
        (said(PARIS), "○ not known"),
        (
            said(PARIS, "pastr1.paris.opentransit.net", confirmed=None),
            "○ not known",
        ),
        (said(PARIS, "pastr1.paris.opentransit.net"), "● Paris, FR (name)"),
        (
            {**said(PARIS, "ashtr1.ashburn.opentransit.net"), "rtt_ns": 1_000_000},
            "◆ refuted by time",
        ),
    ],
)
def test_places(reply: dict[str, object], place: str) -> None:
    """What can be said of a hop's place, and how it is known."""
    assert place in words(borne([reply], [said(TARGET)], origin=ORIGIN))


def test_what_does_not_count_is_shown_all_the_same() -> None:
    """An unchecked name's meaning is told apart from evidence."""
    text = words(borne([said(PARIS, "pastr1.paris.opentransit.net", confirmed=None)]))
    assert (
        "What does not count, shown all the same - hop 1: its name pastr1.paris.opentransit.net "
        "would stand for Paris (FR), but nobody checked"
    ) in text
    assert "What does not count" not in drawn(ABROAD)


def test_the_premise_of_distances() -> None:
    """Whose position it is, or that there is none."""
    assert "no distance is used (see --origin)" in drawn(ABROAD)
    assert (
        "Distances count from 48.8534, 2.3488 (within 5 km), as --origin declares it: "
        "nobody tested it."
    ) in drawn(borne([said(TARGET)], origin=ORIGIN), declared_by="--origin")


def test_the_heading() -> None:
    """The path, the program, the day and the target, where they are known."""
    dated = imports.real("scamper-gap.json")
    assert ": scamper icmp-echo-paris on 2026-11-26, to 198.18.3.77" in drawn(dated)
    assert "P1: unknown program, to a target that the file does not name" in drawn(
        borne(tool="", target=None)
    )


def test_a_hop_known_by_name_alone_has_no_address() -> None:
    """The name stands in its own column."""
    assert ["1", "–", "r1.example.net", "0.064"] == row(imports.real("mtr-names.json"), "1 ")[:4]


def test_no_name_commands_the_terminal() -> None:
    """Escape sequences, markup and line ends in names are shown, not obeyed."""
    name = "\x1b]0;owned\x07[red]a\r\n\u202eb"
    text = drawn(borne([said(PARIS, name)], id=name, target=name, tool=name))
    assert "�]0;owned�[red]a���b" in "".join(text.split())
    assert set() == set(text) & {"\x1b", "\x07", "\r", "\u202e"}


def test_an_empty_path_is_drawn() -> None:
    """A path without hops has its verdict."""
    assert "no address that can have a place answered" in drawn(borne())


def test_a_proof_stands_for_its_own_jurisdiction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A nameless hop shows what is proven; a named one calls it so where it is what was asked."""
    monkeypatch.setattr(f"{__name__}.KNOWLEDGE", knowledge.load(soil=Soil.open(atlas.BESIDE)))
    for rtt_ns, nameless, named in (
        (500_000, "proven inside FX, EU, EEA", "(name and proof)"),
        (1_400_000, "proven inside EU, EEA", "(name)"),
    ):
        one, other = said("81.253.184.118"), said(PARIS, "pastr1.paris.opentransit.net")
        text = words(borne([one | {"rtt_ns": rtt_ns}], [other | {"rtt_ns": rtt_ns}], origin=ORIGIN))
        assert (nameless in text, named in text) == (True, True)
