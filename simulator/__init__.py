"""Plays every device of a cabinet byte for byte, with one world behind them. Imports nothing of the daemon, so
that it stays an independent witness. Start reading at world.py; `python -m simulator devices` lists the types."""
