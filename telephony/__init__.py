"""The wires of five telephone providers: webhooks, documents, media streams and the REST calls that they need."""
