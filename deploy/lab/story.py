"""Words: what happens in a scenario, and what is true of it: events and truths.

Rules
- Borne never reads a truth; a test compares it with what Borne said.
- A truth holds from `from_s` to `to_s` of the story, for each `jurisdiction` that it names, and
  lists every verdict that is right. Where a proof is possible `provable` says so; where it is not,
  no verdict that proves may stand there.
"""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Delay = Annotated[float, msgspec.Meta(ge=0, le=10_000)]
Moment = Annotated[float, msgspec.Meta(ge=0)]
Verdict = Literal[
    "PROVEN_OUTSIDE",
    "SUPPORTED_OUTSIDE",
    "CONTRADICTORY",
    "UNDETERMINED",
    "SUPPORTED_INSIDE",
    "PROVEN_INSIDE",
]
Axis = Literal["territory", "administration"]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that changes at a time since the scenario began: a link, a router or a target.

    A link goes up or down, or gets another loss or jitter; a router stops or starts sending
    errors and echo replies; a target (by its address) stops or starts answering at all.
    """

    at_s: Moment
    link: tuple[Name, Name] | None = None
    up: bool | None = None
    loss_ratio: Ratio | None = None
    jitter_ms: Delay | None = None
    router: Name | None = None
    target: Name | None = None
    answers: bool | None = None

    def words(self) -> dict[str, object]:
        """Return what the event says, without what it leaves alone and without its time."""
        said = {name: getattr(self, name) for name in self.__struct_fields__ if name != "at_s"}
        return {name: value for name, value in said.items() if value is not None}


class Truth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Borne must say of one agent's path to one target (the address or name it is given)."""

    agent: Name
    target: Name
    jurisdiction: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    verdict: Annotated[tuple[Verdict, ...], msgspec.Meta(min_length=1)]
    says: Name
    axis: Axis = "territory"
    provable: bool = False
    from_s: Moment = 0.0
    to_s: Moment | None = None

    def holds_at(self, at_s: float) -> bool:
        """Tell whether the truth is about this moment of the story."""
        return self.from_s <= at_s and (self.to_s is None or at_s < self.to_s)
