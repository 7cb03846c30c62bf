"""A pipeline as a Mermaid flowchart, to be pasted into Markdown."""

import re

from pipelines.check import Check, uses_upstream

_SPECIAL = re.compile(r"[^\w .,:/]|\.(?=\s)")
"""What Mermaid may take for its own or for Markdown, such as ``1. ``, which starts a list."""


def mermaid(check: Check) -> str:
    """The way of speech from the client through the steps and back; the upstream beside the steps that use it."""
    steps = [(f"step{number}", step) for number, step in enumerate(check.pipeline.steps, 1)]
    nodes = ["input", *(name for name, _ in steps), "output"]
    engines = [name for name, step in steps if uses_upstream(step)]
    upstream = "emulator of Gemini Live" if check.settings.emulator else "Gemini Live"
    return "\n".join(
        [
            "flowchart LR",
            '    client(["client"])',
            f'    subgraph pipeline["{_label(check.pipeline.name)}"]',
            "        direction LR",
            '        input["transport input"]',
            *(f'        {name}["{_label(step.use)}"]' for name, step in steps),
            '        output["transport output"]',
            f"        {' --> '.join(nodes)}",
            "    end",
            "    client -->|WebSocket| input",
            "    output -->|WebSocket| client",
            *([f'    upstream[["{upstream}"]]'] if engines else []),
            *(f"    {name} <--> upstream" for name in engines),
        ]
    )


def _label(text: str) -> str:
    """``text`` inside quotes; Mermaid writes other characters by their numbers."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", " ".join(text.split()))
