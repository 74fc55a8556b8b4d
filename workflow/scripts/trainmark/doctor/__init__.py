"""What ``snakemake doctor`` finds before anything is measured."""
