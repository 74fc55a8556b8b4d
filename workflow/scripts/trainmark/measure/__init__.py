"""Measuring: a process for each run, watched while it works, with the lines on the terminal."""
