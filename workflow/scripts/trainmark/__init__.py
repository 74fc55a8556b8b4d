"""Trainmark: training times that can be compared, one record per run.

Each module is one room and a test (tests/unit/test_rooms.py) holds the walls: the measuring rooms need nothing but the
training environment's Python >= 3.10, only ``training`` imports tensorflow, only the report rooms import pandas, scipy
or matplotlib, and none of them knows about ``sys.argv`` or Snakemake.
"""

__version__ = "0.1.0"
