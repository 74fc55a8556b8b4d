"""What a call of Snakemake will do: configuration, plan, and what is refused."""
