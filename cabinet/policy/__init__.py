"""Pure decisions with their reason: who may take what, with which factors, until when.
Start reading at decide.py; rights.py is the snapshot of the roster it decides on."""
