"""What makes a Python environment look like another machine from inside; see ../README.md.

Loaded by every Python process of an imitated environment, before anything else: standard library only, Python 3.10.
"""
