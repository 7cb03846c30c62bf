"""The certificate of an emulator, made on the spot, and the file of the CA that signed it."""

import os
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

import trustme


class Certificates:
    """A CA and one certificate, as a context manager's worth of files.

    Args:
        names: Host names and addresses that the certificate is for.
        wanted_file: Where the CA certificate is written, and left; None for a temporary file.

    Raises:
        OSError: The file cannot be written.

    Attributes:
        context: For the server's side of TLS.
        ca_file: The PEM file of the CA.
    """

    def __init__(self, names: Iterable[str], wanted_file: Path | None) -> None:
        authority = trustme.CA()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*names).configure_cert(self.context)
        self._temporary = wanted_file is None
        if wanted_file is None:
            handle, name = tempfile.mkstemp(prefix="emulator-ca-", suffix=".pem")
            os.close(handle)
            wanted_file = Path(name)
        self.ca_file = wanted_file
        authority.cert_pem.write_to_path(str(self.ca_file))

    def remove(self) -> None:
        """Remove the file, if it is temporary."""
        if self._temporary:
            self.ca_file.unlink(missing_ok=True)
