"""Devices that answer the capabilities straight from the world, without bytes: for simulations of months.
Start reading at fixture.py; each file is one kind of device."""
