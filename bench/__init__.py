"""Benchmarks: each module has run() -> ratios, and prints a table when run itself."""
