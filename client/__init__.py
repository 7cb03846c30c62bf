"""The command line client: streams speech to a server over ``WS /ws`` and shows what comes back.

Knows of the project only the protocol's messages; everything else it learns over the socket.
"""
