"""The commands of `python -m simulator`, one a file: add_arguments(parser) and run(arguments) -> exit code.
until_signal.py is what the long-running ones share."""
