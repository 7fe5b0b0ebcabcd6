"""The key cabinet controller. core/ and policy/ decide, journal/ remembers, roster/ and vault/ know the people,
runner.py joins them in one loop, app.py builds the daemon. Start reading at core/step.py."""
