"""Servers that are wrong on purpose: the proof that the kit's checks can fail."""
