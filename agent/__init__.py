"""The agent: measures round-trip times and routes from one host, and loses no sample."""

__version__ = "0.1.0"
