"""Words: the errors of the agent and of the contract, named after whose fault they are.

    BorneError
    |-- ConfigError      the operator's: a file or an option is wrong          exit code 2
    |-- PrivilegeError   the host's: the kernel refused what probing needs     exit code 2
    |-- WireError        the peer's: octets that are not what they claim
    |   `-- DnsError     the resolver's: a malformed or foreign DNS message
    |-- SpoolError       the disk's: the spool cannot be read or written
    `-- UplinkError      the collector's: it cannot be reached, or it refused

Every message says what was attempted, what was found and what to do.
"""


class BorneError(Exception):
    """The root of every error that Borne raises on purpose."""


class ConfigError(BorneError):
    """A configuration file or a command line option is wrong; nothing was started."""


class PrivilegeError(BorneError):
    """The kernel refuses a socket that probing needs; the message names the fixes."""


class WireError(BorneError):
    """Octets of a peer that do not decode.

    `reason` is one of a small closed set of words, fit for a metric label.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Keep `reason` (a label) beside the sentence for people."""
        super().__init__(message)
        self.reason = reason


class DnsError(WireError):
    """A DNS message that is malformed or answers another question."""


class SpoolError(BorneError):
    """The spool on disk cannot be opened, read or written."""


class UplinkError(BorneError):
    """The collector is unreachable or refused a batch.

    `status` is the HTTP status of the refusal, None where no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        """Keep the HTTP `status` beside the sentence for people."""
        super().__init__(message)
        self.status = status
