"""Bytes: agents' names and private addresses replaced by salted hashes in what is shown.

Rules
- A path is judged as it is, and what was concluded is rewritten for people: no verdict depends on
  the salt. Nothing here is written back into a Statement.
- Replaced are addresses of special-purpose ranges (private, shared, link-local, squatted...), the
  one that answered at TTL 1 (the agent's gateway, whatever its address), their names at whatever
  TTL, the ends of the tables' ranges that hold them, a target with such an address, names and ids
  of agents; and names whose address the path does not tell, for it may be a private one.
- The same word has the same hash as long as the salt is the same: for one run. It is in no output.
- Three ways back are closed, too: positions are rounded to a degree; distances and the numbers of
  proofs, from which a position could be computed, are left out; the id of a crossing, which anybody
  can compute from the agent's name, is hashed.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from agent.records import Origin, Path
from collector.audit.findings import Difference, Verification
from collector.audit.stated import Stated
from collector.facts.networks import Networks, parse
from collector.nearness import Supposed
from collector.records import Judgement, PathVerdict

Kind = Literal["address", "name", "agent", "path", "crossing"]

SALT_OCTETS: Final = 32
_TOKEN: Final = re.compile(r"address-[0-9a-f]{12}")
_DISTANCES: Final = re.compile(r"[\d.]+ km (away|apart) at least")
_NEAREST: Final = re.compile(r"nearer than [\d.]+ km")
_LOOP: Final = re.compile(r"there and back are [\d.]+ km")
_POSITIONS: Final = re.compile(r"(-?\d[\d.e+-]*), (-?\d[\d.e+-]*) \(within")
_FIRST_HOP: Final = re.compile(r"hop 1 \(([^()\s]+)\)|([^()\s,]+) \(hop 1\)")
_FILES: Final = frozenset({"database", "geofeed"})
"""Evidence that tells a city of whoever has an address."""
_HEX: Final = 12
_GATEWAY_TTL: Final = 1
_DEGREE_KM: Final = 112.0
"""A degree of latitude is no longer than this (WGS84)."""
_SILENT: Final = {
    "form": "is not canonical JSON",
    "unusable": "cannot be judged again",
}


def is_token(text: str) -> bool:
    """Say whether `text` is what stands for an address that was replaced."""
    return _TOKEN.fullmatch(text) is not None


class Redactor:
    """What is replaced, and by what, for one run."""

    def __init__(self, salt: bytes, networks: Networks) -> None:
        """Hash with `salt`, which nobody else knows; `networks` tell which ranges are special."""
        self._salt = salt
        self._networks = networks
        self._words: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def token(self, kind: Kind, word: str) -> str:
        """Return what stands for `word`."""
        made = hmac.new(self._salt, word.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{made.hexdigest()[:_HEX]}"

    def learn(self, kind: Kind, words: Iterable[str | None]) -> None:
        """Replace `words` in all text from now on."""
        for word in words:
            if word and word not in self._words:
                self._words[word] = self.token(kind, word)
                self._pattern = None

    def learn_path(self, path: Path) -> None:
        """Replace what the path shows of the agent's own side."""
        ends = [text for text in (path.address, path.target) if text]
        private = any(map(self.is_special, ends))
        unknown = path.address is None
        self.hide(text for text in ends if private or (unknown and parse(text) is None))
        target = None if path.address is None else _usual(path.address)
        told = [
            (hop.ttl, reply.address, reply.name)
            for hop in path.hops
            for reply in hop.replies
            if reply.address is not None
        ]
        gateways = {_usual(one) for ttl, one, _ in told if ttl == _GATEWAY_TTL} - {target}
        for _, address, name in told:
            if _usual(address) in gateways or parse(address) is None or self.is_special(address):
                self.hide(filter(None, (address, _usual(address), name)))

    def learn_stated(self, inputs: Stated) -> None:
        """Replace what a Statement names of agents and of the agent's own side."""
        vantage = inputs.vantage
        self.learn("agent", (vantage.name, vantage.agent_id.hex()))
        for row in (row for rows in inputs.several.values() for row in rows):
            self.learn("agent", (near.agent for near in row.seen))
        self.learn("agent", (row.agent for rows in inputs.landmarks.values() for row in rows))
        for path in inputs.paths:
            self.learn_path(path)

    def learn_gateways(self, texts: Iterable[str]) -> None:
        """Replace the addresses that sentences name at the first hop."""
        for text in texts:
            for match in _FIRST_HOP.finditer(text):
                self.hide([next(filter(None, match.groups()))])

    def text(self, text: str) -> str:
        """Return `text` without the words that are replaced, without positions and distances."""
        if self._pattern is None:
            longest = sorted(self._words, key=len, reverse=True)
            words = "|".join(map(re.escape, longest)) or r"(?!)"
            end = r"(?:/\d{1,3})?(?![\w:/-]|\.\w)"
            self._pattern = re.compile(rf"(?<![\w.:/-])({words}){end}")
        text = self._pattern.sub(lambda match: self._words[match[1]], text)
        if " (within" in text:
            text = _POSITIONS.sub(_rounded, text)
        if " km" in text:  # few texts have one, and all are looked through at each round
            text = _NEAREST.sub("as near as that", text)
            text = _LOOP.sub("there and back is farther", text)
            text = _DISTANCES.sub(r"too far \1", text)
        return text

    def value(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value with all of its texts rewritten, keys left alone."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {key: self.value(member) for key, member in value.items()}
            case list() | tuple():
                return [self.value(member) for member in value]
            case _:
                return value

    def shown(self, path: Path, judgement: Judgement) -> tuple[Path, Judgement]:
        """Return a judged path as it may be shown."""
        self.learn_path(path)
        origin = path.origin
        return (
            msgspec.structs.replace(
                path,
                id=self.token("path", path.id),
                tool="a program",
                origin=None if origin is None else coarse(origin),
                target=None if path.target is None else self.text(path.target),
                address=None if path.address is None else self.text(path.address),
                hops=(),
                links=(),
            ),
            self._judgement(judgement),
        )

    def supposed(self, rows: Iterable[Supposed]) -> tuple[Supposed, ...]:
        """Return the suppositions of paths that were learnt as they may be shown."""
        return tuple(
            msgspec.structs.replace(row, address=self.text(row.address), says=self.text(row.says))
            for row in rows
        )

    def verification(self, found: Verification, inputs: Stated | None) -> Verification:
        """Return what a verification found as it may be shown; what differs is named, not shown.

        `inputs` are the Statement's, None where they could not be read: then nobody knows which
        words of its sentences are names.
        """
        if inputs is not None:
            self.learn_stated(inputs)
        doubtful = inputs is None or any(
            row.path.startswith("predicate.premise") for row in found.differences
        )
        return msgspec.structs.replace(
            found,
            premise="not shown: it could not be recomputed"
            if doubtful
            else self.text(found.premise),
            crossing=self._episode(found.crossing),
            finding=self._episode(found.finding),
            differences=tuple(map(_named, found.differences)),
            rounds=tuple(
                msgspec.structs.replace(
                    row,
                    path=self.token("path", row.path),
                    verdicts=tuple(map(self._verdict, row.verdicts)),
                )
                for row in found.rounds
            ),
        )

    def is_special(self, address: str | None) -> bool:
        """Say whether an address is of a special range; what is no address is of none."""
        return address is not None and self._networks.special(address) is not None

    def hide(self, words: Iterable[str]) -> None:
        """Replace addresses and names of the agents' own side, and the ends of what holds them."""
        for word in words:
            kind: Kind = "name" if parse(word) is None else "address"
            self.learn(kind, [word])
            for row in (self._networks.origin(word), self._networks.registrant(word)):
                self.learn("address", () if row is None else (row.first, row.last))

    def _told(self, hop: Mapping[str, Any], key: str) -> list[Any]:
        """Return the evidence of a hop; of a hidden one without where somebody's file puts it."""
        hidden = hop["address"] is not None and is_token(self.text(hop["address"]))
        return [row for row in hop[key] if not (hidden and row["kind"] in _FILES)]

    def _judgement(self, judgement: Judgement) -> Judgement:
        plain = msgspec.to_builtins(judgement)
        hops = [
            {
                **hop,
                "address": self.value(hop["address"]),
                "name": self.value(hop["name"]),
                "evidence": [
                    {**self.value(row), "proof": None} for row in self._told(hop, "evidence")
                ],
                "holders": self.value(self._told(hop, "holders")),
            }
            for hop in plain["hops"]
        ]
        shown = {
            **plain,
            "id": self.token("path", judgement.id),
            "agent": self.text(judgement.agent),
            "target": self.text(judgement.target),
            "hops": hops,
        }
        return msgspec.structs.replace(
            msgspec.convert(shown, Judgement),
            verdicts=tuple(map(self._verdict, judgement.verdicts)),
        )

    def _verdict(self, verdict: PathVerdict) -> PathVerdict:
        return msgspec.structs.replace(verdict, reasons=tuple(map(self.text, verdict.reasons)))

    def _episode(self, episode: Any) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(episode, dict):
            return None
        target = str(episode.get("target"))
        if self.is_special(target):
            self.hide([target])
        kinds: dict[str, Kind] = {"agent": "agent", "id": "crossing", "path": "path"}
        return {
            key: self.token(kinds[key], str(value)) if key in kinds else self.value(value)
            for key, value in episode.items()
        }


def coarse(origin: Origin) -> Origin:
    """Return a position to a degree; its radius still holds where the agent is declared to be."""
    return Origin(
        latitude=float(round(origin.latitude)),
        longitude=float(round(origin.longitude)),
        radius_km=float(round(origin.radius_km + _DEGREE_KM)),
    )


def _rounded(match: re.Match[str]) -> str:
    try:
        return f"about {round(float(match[1]))}, {round(float(match[2]))} (within"
    except (ValueError, OverflowError):
        return "a place (within"


def _named(row: Difference) -> Difference:
    says = _SILENT.get(row.kind, row.says)
    return msgspec.structs.replace(row, found=None, recomputed=None, says=says)


def _usual(address: str) -> str:
    """Return the usual writing of an address, the text itself where it is none."""
    parsed = parse(address)
    return address if parsed is None else str(parsed)
