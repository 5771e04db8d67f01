"""Bytes: the questions of the API as a table, and what each request asks, read into words.

Rules
- A range is half open: [from, to); without `to` it ends now.
- A page of a list ends with a cursor; it holds the place in the list, not a place in memory, so
  that what is added meanwhile neither repeats a row nor skips one.
"""

import re
from typing import Final

import msgspec

from agent.records import Protocol
from collector.errors import RefusedError
from collector.records import SeriesQuery
from collector.settings.answerlimits import AnswerLimits
from collector.web.parameters import NS_PER_S, Given, Pairs, Parameter, refusal

DEFAULT_ZONES_RANGE_S: Final = 60
DEFAULT_SERIES_RANGE_S: Final = 3600
DEFAULT_STEPS: Final = 1000
DEFAULT_PATHS: Final = 100
DEFAULT_WORST: Final = 100
MAX_ROWS: Final = 1000
"""Most paths or episodes of one page; the default for episodes."""
EVER_NS: Final = 1 << 63
"""Later than every time."""
FORMS: Final = ("json", "csv", "arrow")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PATHS_CURSOR: Final = re.compile(r"\d{1,19}", re.ASCII)
_EPISODES_CURSOR: Final = re.compile(r"(\d{1,19})-([0-9A-Za-z]{1,64})", re.ASCII)

_AGENT: Final = Parameter(name="agent", kind="text", says="Of this agent alone.", example="paris")
_ZONE: Final = Parameter(
    name="zone", kind="text", says="Of this zone alone.", example="aws/eu-west-3"
)
_TARGET: Final = Parameter(name="target", kind="text", says="Of this target alone.")
_PROTOCOL: Final = Parameter(
    name="protocol", kind="word", words=tuple(Protocol), says="Of this protocol alone."
)
_FAMILY: Final = Parameter(
    name="family", kind="word", words=("4", "6"), says="Of IPv4 or of IPv6 alone."
)
_RANGE: Final = (
    Parameter(
        name="from",
        kind="time",
        says="Begin of the range, RFC 3339 in UTC or seconds since the epoch.",
        example="2026-01-31T12:00:00Z",
    ),
    Parameter(name="to", kind="time", says="End of the range, itself outside; now by default."),
    Parameter(
        name="range_s", kind="integer", minimum=1, says="In place of `from`: so many seconds."
    ),
)
_STEP: Final = Parameter(
    name="step_s",
    kind="integer",
    minimum=1,
    says="Windows are merged to steps of so many seconds, a multiple of the window's; by default "
    f"the smallest that gives at most {DEFAULT_STEPS} steps.",
)
_QUANTILES: Final = Parameter(
    name="q",
    kind="quantiles",
    says="Quantiles besides p50, p90 and p99, from the merged sketches.",
    example="0.5,0.99,0.999",
)
_FORMAT: Final = Parameter(
    name="format", kind="word", words=FORMS, says="In place of the Accept header."
)
_LIMIT: Final = Parameter(
    name="limit", kind="integer", minimum=1, maximum=MAX_ROWS, says="Rows of one page."
)
_CURSOR: Final = Parameter(
    name="cursor", kind="text", says="`next` of the page before: the page after it."
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the API that can be asked."""

    name: str
    path: str
    says: str
    answer: str
    """Name of the answer's schema."""
    parameters: tuple[Parameter, ...] = ()


_EPISODES: Final = (
    _AGENT,
    _TARGET,
    Parameter(
        name="from",
        kind="time",
        says="Those that went on then or later, RFC 3339 in UTC or seconds since the epoch.",
        example="2026-01-31T12:00:00Z",
    ),
    Parameter(name="to", kind="time", says="Those that were first seen before this time."),
    _LIMIT,
    _CURSOR,
)
QUESTIONS: Final = (
    Question(
        name="zones",
        path="/v1/zones",
        says="Each agent's view of each zone in a range, the last minute by default.",
        answer="Zones",
        parameters=_RANGE,
    ),
    Question(
        name="agents",
        path="/v1/agents",
        says="The agents with their declared positions, and what others' times say of these.",
        answer="Agents",
    ),
    Question(
        name="series",
        path="/v1/series",
        says="Series of round-trip times, their windows merged to steps.",
        answer="SeriesList",
        parameters=(
            *(_AGENT, _ZONE, _TARGET, _PROTOCOL, _FAMILY, *_RANGE, _STEP, _QUANTILES, _FORMAT),
        ),
    ),
    Question(
        name="worst",
        path="/v1/worst",
        says="The series with the highest p99 of any minute in a range, worst first.",
        answer="WorstList",
        parameters=(*_RANGE, _LIMIT),
    ),
    Question(
        name="paths",
        path="/v1/paths",
        says="Judged paths, the newest first.",
        answer="Paths",
        parameters=(_AGENT, _TARGET, _LIMIT, _CURSOR),
    ),
    Question(
        name="crossings",
        path="/v1/crossings",
        says="Confirmed crossings, the newest first.",
        answer="Crossings",
        parameters=_EPISODES,
    ),
    Question(
        name="findings",
        path="/v1/findings",
        says="Confirmed findings of administration, the newest first; none of them is a crossing.",
        answer="Findings",
        parameters=_EPISODES,
    ),
    Question(
        name="evidence",
        path="/v1/evidence",
        says="The Statements by their digests, and the crossing that each is evidence of.",
        answer="EvidenceList",
        parameters=_EPISODES,
    ),
    Question(
        name="statement",
        path="/v1/evidence/{sha256}",
        says="One evidence Statement, octet for octet as it was digested.",
        answer="Statement",
    ),
    Question(
        name="openapi",
        path="/v1/openapi.json",
        says="This document.",
        answer="OpenApi",
    ),
)
"""Every question that the collector answers."""

PARAMETERS: Final = {question.name: question.parameters for question in QUESTIONS}


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A half-open range of wall time."""

    from_ns: int
    to_ns: int


class WorstQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the worst series of a half-open range of wall time to name."""

    from_ns: int
    to_ns: int
    limit: int


class PathsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which paths to read; None means all."""

    agent: str | None
    target: str | None
    limit: int
    before_ns: int | None = None
    """Those that started earlier."""


class EpisodesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which crossings or findings to read; None means all."""

    agent: str | None = None
    target: str | None = None
    limit: int = MAX_ROWS
    from_ns: int = 0
    to_ns: int = EVER_NS
    """Those that went on at some time in [from_ns, to_ns)."""
    before: tuple[int, str] | None = None
    """Those that come later in the order of (first seen, id), the largest first."""


def zones_query(pairs: Pairs, now_ns: int, limits: AnswerLimits) -> Range:
    """Read `range_s` (the last so many seconds), or `from` and `to` (default: now).

    Raises: RefusedError 400.
    """
    return _range(Given(pairs, PARAMETERS["zones"]), now_ns, DEFAULT_ZONES_RANGE_S, limits)


def series_query(
    pairs: Pairs, now_ns: int, window_s: int, limits: AnswerLimits
) -> tuple[SeriesQuery, str | None]:
    """Read filters, range, `q`, and `step_s`, a multiple of `window_s`; and `format` besides.

    Without `step_s`, it is the smallest that needs at most `DEFAULT_STEPS` steps.

    Raises: RefusedError 400.
    """
    given = Given(pairs, PARAMETERS["series"])
    found = _range(given, now_ns, DEFAULT_SERIES_RANGE_S, limits)
    family = given.word("family")
    query = SeriesQuery(
        from_ns=found.from_ns,
        to_ns=found.to_ns,
        step_ns=_step_s(given, found, window_s, limits) * NS_PER_S,
        agent=given.text("agent"),
        zone=given.text("zone"),
        target=given.text("target"),
        protocol=given.word("protocol"),
        family=None if family is None else int(family),
        ranks_ppm=given.quantiles_ppm("q"),
        most_windows=limits.answer_points,
    )
    return query, given.word("format")


def worst_query(pairs: Pairs, now_ns: int, limits: AnswerLimits) -> WorstQuery:
    """Read the range, the last hour by default, and `limit`.

    Raises: RefusedError 400.
    """
    given = Given(pairs, PARAMETERS["worst"])
    found = _range(given, now_ns, DEFAULT_SERIES_RANGE_S, limits)
    return WorstQuery(
        from_ns=found.from_ns, to_ns=found.to_ns, limit=given.integer("limit", DEFAULT_WORST)
    )


def paths_query(pairs: Pairs) -> PathsQuery:
    """Read the filters `agent` and `target`, `limit`, and `cursor`.

    Raises: RefusedError 400.
    """
    given = Given(pairs, PARAMETERS["paths"])
    cursor = given.text("cursor")
    if cursor is not None and not _PATHS_CURSOR.fullmatch(cursor):
        raise _no_cursor(cursor)
    return PathsQuery(
        agent=given.text("agent"),
        target=given.text("target"),
        limit=given.integer("limit", DEFAULT_PATHS),
        before_ns=None if cursor is None else int(cursor),
    )


def episodes_query(pairs: Pairs) -> EpisodesQuery:
    """Read what is asked of crossings, findings or evidence.

    Raises: RefusedError 400.
    """
    given = Given(pairs, _EPISODES)
    cursor = given.text("cursor")
    place = None if cursor is None else _EPISODES_CURSOR.fullmatch(cursor)
    if cursor is not None and place is None:
        raise _no_cursor(cursor)
    from_ns, to_ns = given.time_ns("from", 0), given.time_ns("to", EVER_NS)
    if from_ns >= to_ns:
        raise refusal("from", "must be earlier than to")
    return EpisodesQuery(
        agent=given.text("agent"),
        target=given.text("target"),
        limit=given.integer("limit", MAX_ROWS),
        from_ns=from_ns,
        to_ns=to_ns,
        before=None if place is None else (int(place[1]), place[2]),
    )


def no_query(pairs: Pairs) -> None:
    """Refuse every parameter.

    Raises: RefusedError 400.
    """
    Given(pairs, ())


def digest(text: str) -> str:
    """Return `text` if it is a SHA-256 digest in hex, as evidence is named.

    Raises: RefusedError 400.
    """
    if not _DIGEST.fullmatch(text):
        raise refusal("sha256", f"must be 64 hex digits in lower case, not {text[:80]!r}")
    return text


def too_many(series: int, windows: int, asked: SeriesQuery) -> RefusedError:
    """Make the 400 that says how to ask for less."""
    return RefusedError(
        400,
        "parameter",
        f"{series} series match with {windows} windows at least, and an answer holds at most "
        f"{asked.most_windows} ([limits] answer_points): name an agent, a zone or a target, or "
        "ask for a larger step_s",
    )


def _step_s(given: Given, found: Range, window_s: int, limits: AnswerLimits) -> int:
    """Return the step that is asked for, or the smallest of the default number of steps."""
    window_ns = window_s * NS_PER_S
    range_ns = found.to_ns - found.from_ns
    smallest_s = window_s * max(1, -(-range_ns // (window_ns * DEFAULT_STEPS)))
    step_s = given.integer("step_s", smallest_s, window_s, limits.answer_range_s)
    if step_s % window_s:
        raise refusal("step_s", f"must be a multiple of the window of {window_s} s, not {step_s}")
    if range_ns > step_s * NS_PER_S * limits.answer_steps:
        needed_s = window_s * -(-range_ns // (window_ns * limits.answer_steps))
        raise refusal(
            "step_s",
            f"{step_s} cuts this range into more than {limits.answer_steps} steps ([limits] "
            f"answer_steps); ask for {needed_s} or more, or for a shorter range",
        )
    return step_s


def _range(given: Given, now_ns: int, default_s: int, limits: AnswerLimits) -> Range:
    """Return the range that `range_s`, or `from` and `to`, ask for; it ends now by default."""
    if "range_s" in given and "from" in given:
        raise refusal("range_s", "cannot stand together with from")
    range_ns = given.integer("range_s", default_s, maximum=limits.answer_range_s) * NS_PER_S
    to_ns = given.time_ns("to", now_ns)
    from_ns = given.time_ns("from", max(0, to_ns - range_ns))
    if from_ns >= to_ns:
        raise refusal("from", "must be earlier than to (which is now where it is absent)")
    if to_ns - from_ns > limits.answer_range_s * NS_PER_S:
        raise refusal(
            "from",
            f"lies more than {limits.answer_range_s} s before to ([limits] answer_range_s); ask "
            "in parts",
        )
    return Range(from_ns=from_ns, to_ns=to_ns)


def _no_cursor(found: str) -> RefusedError:
    return refusal("cursor", f"must be the next of the page before, not {found[:80]!r}")
