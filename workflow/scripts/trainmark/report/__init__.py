"""The report, made from the tables of the analysis."""
