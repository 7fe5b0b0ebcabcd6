"""JSON-RPC 2.0 over Unix sockets, one socket per role. Start reading at protocol.py; session.py serves one
connection over any stream, server.py is the Unix socket, client.py the other end, address.py finds it."""
