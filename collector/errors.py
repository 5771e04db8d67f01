"""Words: the errors of the collector, named after whose fault they are.

BorneError (the contract's root, `agent.errors`)
|-- ConfigError      the operator's: a file or an option is wrong          exit code 2
|-- WireError        the peer's: octets that are not what they claim
|-- RefusedError     the client's: a request that is understood and refused
|-- RemoteError      the other program's: a collector that is asked does not answer as one
|-- UnreadableError  the document's: it holds no path that can be judged
`-- StoreError       the disk's: journal, catalogue or segment
    |-- CorruptError a checksum or a format that does not hold: reported, never used as data
    `-- GoneError    a segment that was listed is not there (any more): ask the list again
"""

from agent.errors import BorneError, ConfigError, WireError

__all__ = [
    "BorneError",
    "ConfigError",
    "CorruptError",
    "GoneError",
    "RefusedError",
    "RemoteError",
    "StoreError",
    "UnreadableError",
    "WireError",
]


class StoreError(BorneError):
    """The journal, the catalogue or a segment cannot be written or read."""


class CorruptError(StoreError):
    """Stored octets whose checksum or format does not hold."""


class GoneError(StoreError):
    """A segment that was listed is not there: replaced since then, or lost."""


class RefusedError(BorneError):
    """A request that is understood and refused; the text says why and what to do.

    `status` is the HTTP status of the answer, `reason` a word of a closed set for the metric.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Keep the HTTP `status` and the metric's `reason` beside the sentence for people."""
        super().__init__(message)
        self.status = status
        self.reason = reason


class RemoteError(BorneError):
    """A collector that is asked cannot be reached, fails, or is none."""


class UnreadableError(BorneError):
    """A document, or one value of it, that holds no path that can be judged."""
