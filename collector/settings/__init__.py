"""What `collector.toml` says: one module for each of its tables, read strictly."""
