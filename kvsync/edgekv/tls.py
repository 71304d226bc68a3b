"""Trusted certificates: the system's CAs, and those of one file besides."""

import ssl

from kvsync.model.errors import UsageError
from kvsync.model.text import printable


def trusting(ca_file: str) -> ssl.SSLContext:
    """Return what verifies certificates by the system's CAs and by those in ``ca_file`` (PEM).

    Raises `UsageError` for a file that cannot be read, or that holds none.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise UsageError(
            f"--ca-file: {printable(ca_file)} is no file of certificates in PEM: it must hold"
            " '-----BEGIN CERTIFICATE-----'"
        ) from None
    except OSError as error:
        raise UsageError(
            f"--ca-file: {printable(ca_file)} cannot be read: {error.strerror}"
        ) from None
    return context
