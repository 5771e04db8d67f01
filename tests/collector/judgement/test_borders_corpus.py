"""Real paths: no false exit, nothing decided of fabrications, every group on French soil named."""

import sys

import pytest

from agent.records import Origin
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from collector.records import OUTSIDE, Axis, NetworkOverride, Verdict
from tests.fakes.judging import (
    KNOWLEDGE,
    judged,
)
from tests.fakes.paths import (
    corpus,
    corpus_folder,
    path,
    reply,
    verdict,
)

OBSERVED = {
    # Real names and times of published paths: what must be said where the corpus is absent.
    "ae303-0.ffttr6.frankfurt.opentransit.net": (16.879, True),
    "ldn-5-a9.uk.eu": (4.146, True),
    "ae3.3202.edge3.London15.level3.net": (7.55, True),
    "0.et-5-0-2.GW3.FFT3.ALTER.NET": (12.16, True),
    "be102.par-gsw-sbb1-nc5.fr.eu": (4.94, False),
    "vl1247.rbx-g1-a75.fr.eu": (1.816, False),
}


def test_observed_names_of_real_paths() -> None:
    """Where a name abroad was really observed the path is outside, at home it is not.

    The names of OVHcloud stand in shared domains and count on its own addresses alone.
    """
    north = Origin(latitude=50.69, longitude=3.17, radius_km=15.0)
    of_ovh = NetworkOverride(
        prefix="9.9.8.9/32", asn=16276, holder="OVH", date="2026-11-24", author="x", reason="x"
    )
    tables = knowledge.load((of_ovh,))
    for name, (rtt_ms, leaves) in OBSERVED.items():
        found = judged(path([reply("9.9.8.9", name, rtt_ms=rtt_ms)], origin=north), tables=tables)
        assert (verdict(found).verdict in OUTSIDE) == leaves, name


@pytest.mark.parametrize("names_confirmed", [True, False])
@pytest.mark.parametrize("compiled", [False, True])
def test_corpus_of_real_paths(compiled: bool, names_confirmed: bool) -> None:
    """No path that stays in France is judged outside; fabricated ones are never decided.

    With names taken as confirmed, or unchecked on addresses whose origin AS is known, the eight
    exits from France are found (one is named by OVHcloud, whose names count on its own addresses
    alone, and so needs the atlas), and foreign groups on French soil are named; with unchecked
    names alone nothing is claimed at all. With the borders three paths that begin far abroad are
    proven outside, and no other: not the one whose times are 300 ms too long by a tunnel. Where
    the folder is absent the observed names above stand alone, and the test says so.
    """
    borders = Soil.open(atlas.BESIDE) if compiled else None
    tables = knowledge.load((), atlas.load(), borders) if compiled else KNOWLEDGE
    there = not tables.atlas.missing and tables.soil is not None
    assert there == compiled, "the tables were not built: run `make atlas`"
    folder = corpus_folder()
    if folder is None:
        sys.stdout.write("\nno corpus of real paths (BORNE_CORPUS): observed names alone judged\n")
        return
    cases = corpus(folder, names_confirmed=names_confirmed)
    found = {key: judged(one, tables=tables) for key, (one, _) in cases.items()}
    verdicts = {key: verdict(one).verdict for key, one in found.items()}
    outside = {key for key, found in verdicts.items() if found in OUTSIDE}
    truth = {key: facts["exits_fr"] for key, (_, facts) in cases.items()}
    exits = {key for key, said in truth.items() if said == "yes"}
    sys.stdout.write(
        f"\ncorpus, {'with the' if compiled else 'no'} atlas, "
        f"names {'taken as confirmed' if names_confirmed else 'as they are'}: "
        f"{len(exits & outside)} of {len(exits)} exits from FX found; "
        f"missed: {sorted(exits - outside)}; false: "
        f"{sorted(key for key in outside if truth[key] == 'no')}\n"
    )
    assert {key for key in outside if truth[key] == "no"} == set()
    assert all(
        verdicts[key] in {Verdict.CONTRADICTORY, Verdict.UNDETERMINED}
        for key, said in truth.items()
        if said is None
    )
    if not (compiled or names_confirmed):
        assert set(verdicts.values()) == {Verdict.UNDETERMINED}
        return
    assert exits - outside == (set() if compiled else {"T15"})
    if compiled:
        proven = {key for key, found in verdicts.items() if found.startswith("PROVEN")}
        assert (
            {"T24", "T27", "T40"} == proven == {key for key, said in truth.items() if said == "na"}
        )
        assert {row.verdict for row in found["T28"].verdicts if row.axis is Axis.TERRITORY} == {
            Verdict.UNDETERMINED
        }
        foreign = {key for key, (_, facts) in cases.items() if facts["foreign_operators"]}
        assert {verdict(found[key], "FX", Axis.ADMINISTRATION).verdict for key in foreign} == {
            Verdict.SUPPORTED_OUTSIDE
        }
