"""The Mermaid sequence diagrams of ``docs/protocol.md``, read as messages.

A label is a message's type, followed by what the diagram tells of it: ``init {"language": "en"}``,
``speech_state speaking``, ``input_transcription "text" final``, ``turn_complete "source" / "target"``,
``error NOT_READY``, ``interrupted client``. What it does not tell is filled in.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_ARROW = re.compile(r"(C->>S|S->>C|S--xC): (\w+)(?: (.*))?")
_SILENT_LINES = re.compile(r"sequenceDiagram|participant [CS] as \w+|loop .+|end|Note over (C|S|C,S): .+")
_HANGUL = re.compile("[가-힣]")
_PCM_BASE64 = "AAABAP//"


@dataclass(frozen=True)
class Step:
    """One arrow of a diagram.

    Attributes:
        who: ``C`` or ``S``: who sends.
        message: What is sent; empty for a close.
        closes_with: The close code, where the server closes.
    """

    who: str
    message: dict[str, Any]
    closes_with: int | None = None


def flow_steps(diagram: str) -> list[Step]:
    """The arrows of a diagram, in order.

    Raises:
        AssertionError: A line is none that a diagram of ours has.
    """
    steps: list[Step] = []
    for line in (line.strip() for line in diagram.splitlines()):
        arrow = _ARROW.fullmatch(line)
        if arrow is None:
            assert _SILENT_LINES.fullmatch(line), f"not understood: {line}"
        elif arrow[1] == "S--xC":
            steps.append(Step("S", {}, int(arrow[3].removeprefix("with "))))
        else:
            steps.append(Step(arrow[1][0], _message(arrow[2], arrow[3] or "", len(steps))))
    return steps


def _message(kind: str, told: str, at: int) -> dict[str, Any]:
    texts = re.findall(r'"([^"]*)"', told)
    fields: dict[str, Any] = {}
    match kind:
        case "init":
            fields = {"config": json.loads(told)} if told else {}
        case "audio":
            fields = {"data": _PCM_BASE64}
        case "audio_response":
            fields = {"data": _PCM_BASE64, "sampleRate": 24000}
        case "connected":
            fields = {"inputSampleRate": 16000, "outputSampleRate": 24000, "engine": "interpreter"}
            fields["sessionId"] = "550e8400-e29b-41d4-a716-446655440000"
        case "speech_state":
            fields = {"state": told, "timestamp": at}
        case "input_transcription" | "output_transcription":
            fields = {"text": texts[0], "isFinal": told.endswith('" final')}
            if fields["isFinal"]:
                fields["language"] = "ko" if _HANGUL.search(texts[0]) else "en"
        case "turn_complete":
            fields = {"inputText": texts[0], "outputText": texts[1]}
        case "interrupted":
            fields = {"reason": told}
        case "error":
            fields = {"code": told, "message": "x"}
    return {"type": kind, **fields}
