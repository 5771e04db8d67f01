"""What a verdict rests on: Statements written, redacted, and verified on another machine."""
