"""One file per device, built from a spec (specs/) over a bus of hal, speaking a codec of wire/.
A driver is given its bus and opens nothing. Start reading at rdm6300_reader.py; docs/how-to/add-a-device.md
shows how to add one."""
