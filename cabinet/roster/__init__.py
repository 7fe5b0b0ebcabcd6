"""People, credentials, items and rights: their database, their files, and the snapshot the core decides on.
Start reading at store.py; changes.py lists what can be changed."""
