"""The collector: keeps what agents measured, and judges with evidence where packets went."""
