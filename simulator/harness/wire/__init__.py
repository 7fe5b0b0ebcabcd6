"""The devices of a cabinet byte for byte, on lines in memory: the production drivers, codecs and Modbus engine against
the same twins that play on ptys. Start reading at level.py; memory_line.py is the wire."""
