"""The configuration model of each device type: pure pydantic, shared by the daemon, the simulator and the checks."""
