"""The way upstream under simulation: the production uplink between a daemon that may die and a broker that lies.
Start reading at uplink.py; broker.py and upstream.py are what it meets."""
