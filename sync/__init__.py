"""The way upstream: reads the journal through a control socket and carries it over MQTT."""
