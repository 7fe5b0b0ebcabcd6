"""JSON-RPC 2.0 over Unix sockets, one socket per role. Start reading at protocol.py."""
