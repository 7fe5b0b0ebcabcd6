"""What the control sockets can ask of a running cabinet, one file a group of methods.
Start reading at see.py; desk.py takes requests through the loop."""
