"""TLS to the broker, each side with a certificate."""

from __future__ import annotations

import ssl

from cabinet.settings.uplink import BrokerSettings


def tls_context(broker: BrokerSettings) -> ssl.SSLContext | None:
    """None for plain TCP. Raises OSError; its text names the files."""
    if broker.ca is None or broker.certificate is None or broker.key is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=broker.ca)
    except OSError as error:
        raise OSError(f"{broker.ca}: {error.strerror or error}; a CA certificate (PEM) is needed") from None
    try:
        # A password would be asked for at the terminal: such a key counts as unreadable.
        context.load_cert_chain(broker.certificate, broker.key, password=lambda: "")
    except OSError as error:
        files = f"{broker.certificate} and {broker.key}"
        hint = "a certificate and its key (PEM, no password), readable for this user, are needed"
        raise OSError(f"{files}: {error.strerror or error}; {hint}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
