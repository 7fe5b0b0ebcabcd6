"""Backups: journal and roster, sealed to a recipient whose private key is not on the cabinet, and their way back.
Start reading at sealed.py (the file), then content.py (what stands in it), then restore.py."""
