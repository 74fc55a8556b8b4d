"""A real SLURM on this computer, for the tests of fleets: see cluster.py."""
