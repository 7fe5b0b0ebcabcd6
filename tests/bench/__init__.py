"""The benchmarks run: one round of each, so that they do not rot. No figure is judged here."""
