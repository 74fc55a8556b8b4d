"""Trainmark: training times that can be compared, one record per run.

Its folders are layers, listed in ``layers``. What measures needs nothing but the training environment's Python >= 3.10;
``measure.worker.frameworks`` alone imports frameworks; pandas, scipy and matplotlib come in where records are analysed.
No module knows about ``sys.argv`` or Snakemake.
"""

__version__ = "0.1.0"
