"""Planted bugs: small wrong versions of the production code, to see that the invariants find them.

planting.py puts one in and takes it out again, trials.py looks for it, hunt.py does both for all of them; the others
are the bugs, by the part of the program they are in."""
