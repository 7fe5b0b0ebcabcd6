"""One visit against the simulated cabinet, with the real daemon, told step by step.
Start reading at visit.py, the story; stage.py starts and ends the processes it needs."""
