"""Pure codecs, one file per protocol: bytes to values and back. No I/O, no clock, never raises on input."""
