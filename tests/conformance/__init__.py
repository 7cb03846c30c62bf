"""The conformance kit: a black-box run of the protocol's rules against any server, ``python -m tests.conformance``.

An independent reading of the protocol: plain JSON, and nothing imported of the server's packages, so that it shares
none of their mistakes. ``docs/conformance.md`` says how it is used and what it cannot see.
"""
