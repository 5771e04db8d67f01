"""Words: jurisdictions as dated lists of territories, and which of them a policy demands.

Rules
- A territory is an ISO 3166-1 alpha-2 code; `FR` means metropolitan France alone, so France's
  overseas parts are listed under codes of their own (`GP`, `RE`, ...) or not at all.
- The Canaries, the Azores, Madeira and the Åland Islands belong to `ES`, `PT` and `FI` here:
  they are parts of the Union too, so no verdict depends on telling them apart. The Faroe Islands
  and Greenland go by `FO` and `GL` and are in no list.
- Enclaves and neighbours that a map of Europe swallows go by their own codes and are in no list:
  Monaco `MC`, Switzerland `CH` (Geneva, Basel), Andorra `AD`, Jersey `JE`, Guernsey `GG`. The
  airport of Basel and Mulhouse stands in France.
- A list is data with a date: who joins or leaves gets a new row, the old evidence keeps the old.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from collector.records import Jurisdiction

_AS_OF: Final = "2026-11-24"


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MEMBER_STATES: Final = _codes(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
)
_FRENCH: Final = _codes("FR BL GF GP MF MQ NC PF PM RE TF WF YT")
_FRENCH_OUTERMOST: Final = _codes("GF GP MF MQ RE YT")
_EFTA_IN_EEA: Final = _codes("IS LI NO")

_EU_SOURCE: Final = (
    "read: the 27 members in the npm package is-european 1.0.9 (MIT), opened 2026-11-24; "
    "read: the six French outermost regions in EUR-Lex LEGISSUM:outermost_regions, an integral "
    "part of the Union (TFEU articles 349 and 355)"
)

JURISDICTIONS: Final[tuple[Jurisdiction, ...]] = (
    Jurisdiction(
        name="FX",
        territories=frozenset({"FR"}),
        as_of=_AS_OF,
        source="read: metropolitan France, reserved as FX in ISO 3166-1; the npm package "
        "@rapideditor/country-coder 5.6.1 (ISC), opened 2026-11-24, keeps it apart from the "
        "overseas codes in the same way",
    ),
    Jurisdiction(
        name="FR",
        territories=_FRENCH,
        as_of="2026-11-26",
        source="read: the territories whose country is FR in borders.json of the npm package "
        "@rapideditor/country-coder 5.6.1 (ISC), opened 2026-11-26; Clipperton, whose code is "
        "reserved alone, has no row",
    ),
    Jurisdiction(
        name="EU",
        territories=_MEMBER_STATES | _FRENCH_OUTERMOST,
        as_of=_AS_OF,
        source=_EU_SOURCE,
    ),
    Jurisdiction(
        name="EEA",
        territories=_MEMBER_STATES | _FRENCH_OUTERMOST | _EFTA_IN_EEA,
        as_of=_AS_OF,
        source=f"{_EU_SOURCE}; read: IS, LI and NO in is-european 1.0.9; recalled: that the "
        "agreement (article 126) reaches the outermost regions as the treaties of the Union do",
    ),
)
"""From the smallest to the largest; FX lies in all others, FR in none: its overseas countries and
territories are no part of the Union."""

_BY_DEFAULT: Final = ("FX", "EU", "EEA")

BY_NAME: Final[Mapping[str, Jurisdiction]] = {row.name: row for row in JURISDICTIONS}


def lists(own: Iterable[Jurisdiction] = ()) -> dict[str, Jurisdiction]:
    """Return the lists of this release and then the operator's `own`, by name."""
    return {row.name: row for row in (*JURISDICTIONS, *own)}


def demanded(agent_territory: str, zone_territory: str) -> str | None:
    """Return the smallest of FX, EU and EEA that holds both ends, None where none of them does.

    This is the default policy: what begins and ends inside a jurisdiction is expected to stay.
    """
    for name in _BY_DEFAULT:
        held = BY_NAME[name].territories
        if agent_territory in held and zone_territory in held:
            return name
    return None


def wider(name: str, among: Mapping[str, Jurisdiction] = BY_NAME) -> tuple[str, ...]:
    """Return the jurisdictions that strictly contain `name`, smallest first.

    An unknown name has none.
    """
    inner = among.get(name)
    if inner is None:
        return ()
    found = [row for row in among.values() if row.territories > inner.territories]
    return tuple(row.name for row in sorted(found, key=lambda row: len(row.territories)))
