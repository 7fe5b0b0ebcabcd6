"""The behaviour of a cabinet as pure functions: state and event in; state, leaves and effects out.
Start reading at step.py; ledger.py is the part of the state that survives a cut."""
