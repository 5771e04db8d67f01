"""Words: what became of the requests to witnesses since the start, for metrics."""

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Requests by what became of them; one is a hop that one agent was asked to ping."""

    open: int = 0
    """In the plan of an agent now."""
    answered: int = 0
    """The hop answered the agent."""
    silent: int = 0
    """The agent tried, and the hop answered nothing."""
    expired: int = 0
    """No reply within 15 s: the agent is gone, or its own limits left the request alone."""
    withheld: int = 0
    """Not asked: the agent had been asked as much as it may be within a minute."""
