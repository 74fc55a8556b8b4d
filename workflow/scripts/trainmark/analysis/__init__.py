"""Statistics over the records, as tables."""
