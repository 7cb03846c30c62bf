"""The protocol's documents, made from its models: tables, JSON Schema, AsyncAPI, and the pages that show them.

Owns how the protocol is described; what it is, :mod:`protocol` says. ``python -m reference`` writes the files in
``docs/``, :func:`reference.routes.add_reference` serves the same documents.
"""

VERSION = "0.1.0"
"""The version of the project, which the documents name."""
