"""Fuzzers: hypothesis strategies for what strangers may send, and what must hold whatever it is."""
