"""Modules that checkouts have in the place of those that import TensorFlow."""
