"""Benchmarks: one file per claim, each against its peer; `make bench` runs them."""
