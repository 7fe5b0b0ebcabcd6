"""Benchmarks: `python -m bench` runs all of them and prints each figure beside its goal.

Each module measures one thing: badge (card to bolt), append (the journal), commands (cabinetctl), daemon (memory,
start, idle), upstream (drain, events). floor.py is what the ratios are multiples of; players.py and stand.py are the
cabinet around a daemon, site.py is broker and collector."""
