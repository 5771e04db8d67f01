"""What tests of the judgement share: tables, replies of known places, a judge to ask."""

from agent.records import Path
from collector.facts import knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.records import Judgement, Zone
from tests.fakes.paths import (
    MARSEILLE,
    reply,
    zone,
)

KNOWLEDGE = knowledge.load()
TARGET = "51.15.0.1"
IN_PARIS = reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", rtt_ms=1.2)
IN_MARSEILLE = reply("154.54.38.125", "be3093.ccr42.mrs02.atlas.cogentco.com", rtt_ms=9.0)
IN_FRANKFURT = reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)
IN_LONDON = reply("193.251.242.18", "pos0-1-4-0.lontr1.London.opentransit.net", rtt_ms=12.0)
NAMELESS = reply("81.253.184.118", rtt_ms=8.0)
AT_TARGET = reply(TARGET, rtt_ms=20.0)


def judged(one: Path, at: Zone | None = None, *, tables: Knowledge = KNOWLEDGE) -> Judgement:
    """Judge with the tables of the release, those of addresses left out unless given."""
    return judge(one, agent="paris", zone=at, knowledge=tables, jurisdictions=JURISDICTIONS)


HOME = zone(MARSEILLE)
