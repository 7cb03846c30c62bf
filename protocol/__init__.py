"""The client's wire: messages, errors and their JSON, as pure values.

Owns what may be said on ``WS /ws`` and how it looks as text and bytes. Knows no FastAPI, no settings, and
(:mod:`protocol.serializer` aside) no pipecat.
"""
