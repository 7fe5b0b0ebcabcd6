"""Reading configuration files: TOML in layers, each value with its place, and every problem at once.
Start reading at sections.py; layers.py merges files, environment and flags."""
