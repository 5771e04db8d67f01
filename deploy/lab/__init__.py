"""The internet in a box: one process plays every router between network namespaces."""
