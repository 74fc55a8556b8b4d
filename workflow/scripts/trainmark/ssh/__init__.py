"""Machines of a fleet that ssh reaches: a copy of this project there, what measures with it, and the results here."""
