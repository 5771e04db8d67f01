"""Borne at work on this host: `make run`."""
