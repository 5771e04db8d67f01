"""What the collector keeps on disk: segments of sealed data, the catalogue, evidence bundles."""
