"""What is measured: models, workloads, the grid of runs, and the controls."""
