"""Keys and what they protect: the device key, people's own keys, sealing of personal data, PIN checks.
Start reading at device_key.py, then sealing.py."""
