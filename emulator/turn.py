"""The script of one answer: which messages, in which order, when. Pure; times are offsets from the end of speech.

The default order and its variants follow what was seen on the service: kazunori279/interpretab and
kizuna-ai-lab/sokuji PR 399 (generationComplete, a pause of the remaining playback, turnComplete), pipecat PR
4148 (the last transcription beside turnComplete), adk-python PR 6045 and js-genai issue 1429 (forms of the
transcriptions).
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.answering import Answer
from emulator.audio import OUTPUT_BYTES_PER_MS
from emulator.options import Variant

OUTPUT_MIME = "audio/pcm;rate=24000"
TOKENS_PER_SEC = 25
"""Audio tokens in a second, both ways (Gemini API pricing page)."""


@dataclass(slots=True)
class Step:
    """One thing to do in a turn.

    Attributes:
        at_ms: Since the end of speech, before the time factor.
        message: The JSON to send; unused for ``break`` and ``close``.
        kind: For the record; see ``MessageRecord.kind``.
        data: For the record.
        audio_bytes: Sound in the message.
        action: Send the message, abort the connection, or close it.
        wait_secs: A fault holds this step and all that follow up by so much, before the schedule factor.
    """

    at_ms: float
    message: dict[str, Any] = field(repr=False, default_factory=dict)
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    audio_bytes: int = 0
    action: Literal["send", "break", "close"] = "send"
    wait_secs: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """A whole turn.

    Attributes:
        steps: In the order they are performed.
        late: What comes after the turn has ended and holds up nobody.
    """

    steps: list[Step]
    late: list[Step]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transcriptions the setup asked for."""

    input: bool
    output: bool


def write_script(answer: Answer, variant: Variant, wanted: Wanted, input_bytes: int) -> Script:
    """Write the script of an answer.

    Args:
        answer: What is said; an empty one gives a turn with nothing but its end.
        variant: How it is said.
        wanted: Which transcriptions the client asked for.
        input_bytes: PCM at 16 kHz that was heard; for the usage numbers.
    """
    if variant.silent:
        return Script([], [])
    writer = _Writer(answer, variant, wanted, input_bytes)
    steps = writer.main()
    return Script(_with_breakage(steps, variant), writer.late())


class _Writer:
    """The pieces of one script; no state beyond its arguments and the end of the audio."""

    def __init__(self, answer: Answer, variant: Variant, wanted: Wanted, input_bytes: int) -> None:
        self._answer = answer
        self._variant = variant
        self._wanted = wanted
        self._input_bytes = input_bytes
        self._audio = answer.audio if variant.audio else b""
        self._end_ms = 0.0

    def main(self) -> list[Step]:
        """Everything up to turnComplete, in order."""
        steps = self._input_steps()
        texts, audio = self._output_texts(), self._audio_steps()
        held = texts.pop() if texts and self._variant.output_transcription == "bundled" else None
        steps = _in_time(steps, self._output_steps(texts, audio))
        if self._variant.bundle:
            steps = _bundled(steps)
        speech_end_ms = max([step.at_ms for step in steps], default=self._variant.response_delay_ms)
        if self._variant.generation_complete:
            steps.append(content_step(speech_end_ms, "generationComplete", {"generationComplete": True}))
        self._end_ms = speech_end_ms + self._pause_ms(speech_end_ms)
        if held is not None and self._variant.turn_complete == "never":
            steps.insert(-1 if self._variant.generation_complete else len(steps), held)
            held = None
        if self._variant.turn_complete != "never":
            steps.append(self._turn_complete(held))
        if self._variant.bundle:
            steps = _bundled_end(steps)
        return steps

    def late(self) -> list[Step]:
        """Transcriptions that come after the turn."""
        at_ms = self._end_ms + self._variant.late_text_ms
        late = []
        if self._variant.input_transcription in ("after_turn", "duplicate") and self._has_input():
            late.append(self._input_text(at_ms, self._answer.source))
        if self._variant.output_transcription == "after_turn" and self._has_output():
            late.append(self._output_text(at_ms, self._answer.target, last=True))
        return late

    def _has_input(self) -> bool:
        return self._wanted.input and bool(self._answer.source)

    def _has_output(self) -> bool:
        return self._wanted.output and bool(self._answer.target)

    def _input_steps(self) -> list[Step]:
        form, at_ms = self._variant.input_transcription, self._variant.transcription_delay_ms
        if form in ("missing", "after_turn") or not self._has_input():
            return []
        interval_ms = self._variant.fragment_interval_ms
        fragments = _fragments(self._answer.source, self._variant.fragment_words)
        if form == "fragments":
            last = len(fragments) - 1
            return [
                self._input_text(at_ms + i * interval_ms, " " + text, finished=None if i == last else False)
                for i, text in enumerate(fragments)
            ]
        if form == "interim":
            partials = [" ".join(fragments[: i + 1]) for i in range(len(fragments))]
            steps = [
                _text_step(at_ms + i * interval_ms, "interimInputTranscription", {"text": text})
                for i, text in enumerate(partials)
            ]
            end_ms = at_ms + len(partials) * interval_ms
            return [*steps, self._input_text(end_ms, self._answer.source, finished=True)]
        return [self._input_text(at_ms, self._answer.source)]

    def _input_text(self, at_ms: float, text: str, finished: bool | None = None) -> Step:
        """A transcription of the input; ``finished`` None leaves the flag to the variant."""
        body: dict[str, Any] = {"text": text}
        if finished or (finished is None and self._variant.finished_flags):
            body["finished"] = True
        if self._variant.language_code and self._answer.pieces:
            body["languageCode"] = self._answer.pieces[0].entry.source_language
        return _text_step(at_ms, "inputTranscription", body)

    def _output_texts(self) -> list[Step]:
        if self._variant.output_transcription in ("missing", "after_turn") or not self._has_output():
            return []
        fragments = _fragments(self._answer.target, self._variant.fragment_words)
        last = len(fragments) - 1
        texts = [text if i == 0 else " " + text for i, text in enumerate(fragments)]
        at_ms = self._variant.response_delay_ms
        return [self._output_text(at_ms, text, last=i == last) for i, text in enumerate(texts)]

    def _output_text(self, at_ms: float, text: str, *, last: bool) -> Step:
        body: dict[str, Any] = {"text": text}
        if last and self._variant.finished_flags:
            body["finished"] = True
        if self._variant.language_code and self._answer.pieces:
            body["languageCode"] = self._answer.pieces[0].entry.target_language
        return _text_step(at_ms, "outputTranscription", body)

    def _audio_steps(self) -> list[Step]:
        part_bytes = self._variant.audio_chunk_ms * OUTPUT_BYTES_PER_MS
        size = part_bytes * self._variant.multi_part
        return [
            _audio_step(
                self._variant.response_delay_ms + start / OUTPUT_BYTES_PER_MS / self._variant.audio_speed,
                [message[at : at + part_bytes] for at in range(0, len(message), part_bytes)],
            )
            for start in range(0, len(self._audio), size)
            if (message := self._audio[start : start + size])
        ]

    def _output_steps(self, texts: list[Step], audio: list[Step]) -> list[Step]:
        if self._variant.output_transcription == "before_audio" or not audio:
            return [*texts, *audio]
        steps: list[Step] = []
        for number, step in enumerate(audio):
            steps.append(step)
            # A fragment follows the message in which its share of the sound begins.
            for text in _due(texts, number, len(audio)):
                text.at_ms = step.at_ms
                steps.append(text)
        return steps

    def _pause_ms(self, speech_end_ms: float) -> float:
        """From the last sound to turnComplete: what playback still takes."""
        if self._variant.turn_complete != "after_playback":
            return 0.0
        played_ms = speech_end_ms - self._variant.response_delay_ms
        return max(0.0, len(self._audio) / OUTPUT_BYTES_PER_MS - played_ms) * self._variant.playback_factor

    def _turn_complete(self, held: Step | None) -> Step:
        content: dict[str, Any] = {"turnComplete": True}
        kind, data = "turnComplete", {}
        if held is not None:
            content = {**held.message["serverContent"], **content}
            kind, data = f"{held.kind}+{kind}", held.data
        step = content_step(self._end_ms, kind, content)
        step.data = data
        if self._variant.usage:
            step.message["usageMetadata"] = self._usage()
        return step

    def _usage(self) -> dict[str, Any]:
        prompt = round(self._input_bytes / 32_000 * TOKENS_PER_SEC)
        response = round(len(self._audio) / OUTPUT_BYTES_PER_MS / 1000 * TOKENS_PER_SEC)
        return usage_metadata(prompt, response)


def usage_metadata(prompt: int, response: int) -> dict[str, Any]:
    """A ``usageMetadata`` of so many tokens of sound."""
    return {
        "promptTokenCount": prompt,
        "responseTokenCount": response,
        "totalTokenCount": prompt + response,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": prompt}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": response}],
    }


def content_step(at_ms: float, kind: str, content: dict[str, Any]) -> Step:
    """A step that sends a ``serverContent``."""
    return Step(at_ms, {"serverContent": content}, kind)


def _text_step(at_ms: float, kind: str, body: dict[str, Any]) -> Step:
    step = content_step(at_ms, kind, {kind: body})
    step.data = dict(body)
    return step


def _audio_step(at_ms: float, parts: Sequence[bytes]) -> Step:
    inline = [
        {"inlineData": {"mimeType": OUTPUT_MIME, "data": base64.b64encode(part).decode("ascii")}} for part in parts
    ]
    step = content_step(at_ms, "audioOut", {"modelTurn": {"role": "model", "parts": inline}})
    step.audio_bytes = sum(map(len, parts))
    step.data = {"audio_bytes": step.audio_bytes, "parts": len(parts)}
    return step


def _fragments(text: str, size: int) -> list[str]:
    words = text.split()
    return [" ".join(words[start : start + size]) for start in range(0, len(words), size)]


def _due(texts: Sequence[Step], number: int, count: int) -> Iterator[Step]:
    for index, text in enumerate(texts):
        if index * count // len(texts) == number:
            yield text


def _in_time(first: list[Step], second: list[Step]) -> list[Step]:
    """Both lists by time; each keeps its own order, and the first goes first at the same time."""
    return sorted([*first, *second], key=lambda step: step.at_ms)


def _merged(into: Step, step: Step) -> Step:
    return Step(
        at_ms=into.at_ms,
        message={
            **into.message,
            **step.message,
            "serverContent": {**into.message["serverContent"], **step.message["serverContent"]},
        },
        kind=f"{into.kind}+{step.kind}",
        data={**into.data, **({step.kind: step.data} if step.data else {})},
        audio_bytes=into.audio_bytes,
    )


def _bundled(steps: list[Step]) -> list[Step]:
    """Texts move into the audio message before them, or into the first one; no field twice in a message."""
    bundles: list[Step] = []
    waiting: list[Step] = []
    for step in steps:
        if step.kind == "audioOut":
            for text in waiting:
                step = _merged(step, text)
            waiting = []
            bundles.append(step)
        elif bundles and step.kind not in bundles[-1].message["serverContent"]:
            bundles[-1] = _merged(bundles[-1], step)
        elif bundles or step.kind in (text.kind for text in waiting):
            bundles.append(step)
        else:
            waiting.append(step)
    return [*bundles, *waiting]


def _bundled_end(steps: list[Step]) -> list[Step]:
    """A generationComplete moves into the message before it, and turnComplete too when nothing separates them."""
    bundles: list[Step] = []
    for step in steps:
        marker = step.kind in ("generationComplete", "turnComplete")
        if marker and bundles and step.at_ms <= bundles[-1].at_ms:
            bundles[-1] = _merged(bundles[-1], step)
        else:
            bundles.append(step)
    return bundles


def _with_breakage(steps: list[Step], variant: Variant) -> list[Step]:
    """The steps up to where the variant breaks or closes the connection; all of them when there is less sound."""
    endings: list[tuple[float, Literal["break", "close"]]] = []
    if variant.break_after_audio_ms is not None:
        endings.append((variant.break_after_audio_ms, "break"))
    if variant.close_after_audio_ms is not None:
        endings.append((variant.close_after_audio_ms, "close"))
    if not endings:
        return steps
    limit_ms, action = min(endings)
    sent_ms = 0.0
    for number, step in enumerate(steps):
        if step.audio_bytes and sent_ms >= limit_ms:
            return [*steps[:number], Step(step.at_ms, kind=action, action=action)]
        sent_ms += step.audio_bytes / OUTPUT_BYTES_PER_MS
        if step.audio_bytes and sent_ms >= limit_ms:
            return [*steps[: number + 1], Step(step.at_ms, kind=action, action=action)]
    return steps
