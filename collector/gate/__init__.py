"""Where batches come in: callers, bodies, the journal, TLS and listening."""
