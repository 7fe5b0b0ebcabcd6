"""Hardware abstraction: what a cabinet's devices can do (capabilities), what they hang on (buses), who keeps
them alive (supervisor). Each third-party hardware library has one importing file here.
Start reading at capabilities.py, then buses.py."""
