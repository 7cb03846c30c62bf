"""The upstream's wire: Gemini Live, and what an interpreter needs of it.

The only importer of ``google.genai``. Knows no pipecat, no FastAPI, no settings.
"""
