"""The production daemon on virtual time, in a world that fails on purpose; every step of it can be its last.
Start reading at cabinet.py, the cabinet under simulation; run.py plays random days, crash.py kills at every step,
mutants.py shows that mistakes would be caught. Only here simulator and product meet."""
