"""Tests of whole runs on imitated machines."""
