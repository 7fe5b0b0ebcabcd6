"""One suite per capability, run over every driver on its simulated device. rows.py says which there are."""
