"""Words: what can go wrong in the lab, and whose fault it is.

LabError
├── ScenarioError   the scenario file is wrong (its author)
├── PacketError     an octet string is not the packet it claims to be (its sender)
├── HostError       this machine refuses a namespace, a device or a privilege (its owner)
└── StandError      a program that was started did not come up, or ended early (its log says)
"""


class LabError(Exception):
    """Root of every error that the lab raises on purpose."""


class ScenarioError(LabError):
    """A scenario file cannot be used; the message names the file and the key."""


class PacketError(LabError):
    """An octet string is not a well-formed packet of the expected kind."""


class HostError(LabError):
    """The machine refused something the lab needs; the message says what would help."""


class StandError(LabError):
    """A part of a stand could not start or ended early; the message shows its last words."""
