"""Everything around the two programs: set-up, the internet in a box, Prometheus, documents."""
