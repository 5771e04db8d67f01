"""The sub-commands of `borne-collector` that need no running collector."""
