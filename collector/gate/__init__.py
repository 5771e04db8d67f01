"""Where batches come in: callers, bodies, limits, the journal, TLS and listening."""
