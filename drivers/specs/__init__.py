"""The configuration model of each device type, pure pydantic: shared by daemon, simulator and checks.
One file per type, named like its driver; relay_profile.py is the model of the board profiles."""
