"""What hands sealed windows to other databases, and their line protocol."""
