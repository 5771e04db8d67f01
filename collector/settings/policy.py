"""Words: what is demanded of the paths from an agent to a target, by the settings or by default.

Rules
- The first row that fits (zone, target and agent all do) decides, and it alone; where none fits,
  the default policy does: the smallest of FX, EU and EEA that holds both ends, on territory.
- Territory may be demanded of several jurisdictions at once; each has crossings of its own, and
  `open_at` is the mildest verdict that opens one. On administration a demand gives findings,
  never a crossing, and `open_at` does not concern it: nothing is ever proved there.
- A path whose target belongs to no declared zone has nothing demanded of it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from collector.facts.regions import demanded
from collector.records import Vantage, Verdict, Zone

ANY: Final = "*"


class Demands(NamedTuple):
    """What is demanded of a path, each by the names of jurisdictions, the first one first."""

    territory: tuple[str, ...] = ()
    administration: tuple[str, ...] = ()
    open_at: Verdict = Verdict.SUPPORTED_OUTSIDE

    @property
    def crossings(self) -> Mapping[str, Verdict]:
        """Return the mildest verdict that opens a crossing, by jurisdiction."""
        return dict.fromkeys(self.territory, self.open_at)


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the settings."""

    zone: str = ANY
    """`provider/region`, `provider/*` or `*`."""
    target: str = ANY
    agent: str = ANY
    demands: Demands

    def fits(self, agent: str, zone: str, targets: Collection[str]) -> bool:
        """Say whether the row speaks of paths from `agent` to one of `targets` in `zone`."""
        return (
            self.agent in {ANY, agent}
            and self.zone in {ANY, zone, _whole(zone)}
            and (self.target == ANY or self.target in targets)
        )

    def hides(self, other: "PolicyRow") -> bool:
        """Say whether all that `other` speaks of is decided here already."""
        return (
            self.agent in {ANY, other.agent}
            and self.zone in {ANY, other.zone, _whole(other.zone)}
            and self.target in {ANY, other.target}
        )


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """Which row spoke of a path and what it demanded: the row that a Statement holds."""

    default: bool
    """True where no row of the settings fits; then zone, target and agent say nothing."""
    zone: str = ANY
    target: str = ANY
    agent: str = ANY
    territory: tuple[str, ...] = ()
    administration: tuple[str, ...] = ()
    open_at: Verdict = Verdict.SUPPORTED_OUTSIDE

    @property
    def demands(self) -> Demands:
        """Return what was demanded."""
        return Demands(self.territory, self.administration, self.open_at)

    def follows(self, agent: Vantage, zone: Zone | None, *targets: str | None) -> bool:
        """Say whether it may speak of a path: its row fits, or the default policy says the same.

        Whether another row stood before it, the settings alone can tell.
        """
        if self.default:
            return self == Policy().ruling(agent, zone, *targets)
        named = [target for target in targets if target is not None]
        row = PolicyRow(zone=self.zone, target=self.target, agent=self.agent, demands=self.demands)
        return zone is not None and row.fits(agent.name, zone.ident, named)


class Policy:
    """The rows in their order, and the default behind them."""

    def __init__(self, rows: Sequence[PolicyRow] = ()) -> None:
        """Take the rows of the settings."""
        self._rows = tuple(rows)

    def of(self, agent: Vantage, zone: Zone | None, *targets: str | None) -> Demands:
        """Return what is demanded of the paths from `agent` to a target of `zone`.

        `targets` are all that the target is called: its name, its address.
        """
        return self.ruling(agent, zone, *targets).demands

    def ruling(self, agent: Vantage, zone: Zone | None, *targets: str | None) -> Ruling:
        """Return the same with the row that demands it."""
        if zone is None:
            return Ruling(default=True)
        named = [target for target in targets if target is not None]
        for row in self._rows:
            if row.fits(agent.name, zone.ident, named):
                return Ruling(
                    default=False,
                    zone=row.zone,
                    target=row.target,
                    agent=row.agent,
                    **row.demands._asdict(),
                )
        default = demanded(agent.place.territory, zone.place.territory)
        return Ruling(default=True, territory=() if default is None else (default,))

    def over(
        self, agents: Sequence[Vantage], zones: Sequence[Zone]
    ) -> Iterator[tuple[str, Zone, str, Demands]]:
        """Yield (agent, zone, target, demands) for all that the settings name."""
        for agent in agents:
            for zone in zones:
                for target in zone.targets:
                    yield agent.name, zone, target, self.of(agent, zone, target)


def _whole(zone: str) -> str:
    """Return the row's word for the whole provider of a zone."""
    return f"{zone.partition('/')[0]}/{ANY}"
