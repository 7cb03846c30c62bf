"""What holds of turns whatever an upstream says and when: the laws that property tests and fuzzing share."""

from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    TargetGrew,
    TurnEnded,
    TurnEvent,
    TurnFailure,
)

_WITHOUT_OUTPUT = frozenset({TurnFailure.NO_ANSWER, TurnFailure.MUTE_AFTER_INTERRUPTED, TurnFailure.EMPTY_TURN})
_WITH_OUTPUT = frozenset({TurnFailure.NO_END, TurnFailure.BROKEN_OFF})
_WITHOUT_SPEECH = frozenset({TurnFailure.NO_AUDIO, TurnFailure.SILENT_AUDIO})
_LEAST_CHARACTERS_PER_SEC = 10.0
"""Faster than this must be what counts as too short for its text, whatever it is written in."""


def turns_of(events: list[TurnEvent]) -> list[list[TurnEvent]]:
    """The events of each turn, its end last.

    Raises:
        AssertionError: Something came after the last end.
    """
    turns: list[list[TurnEvent]] = [[]]
    for event in events:
        turns[-1].append(event)
        if isinstance(event, TurnEnded):
            turns.append([])
    assert turns.pop() == [], "something came after the last end"
    return turns


def check_turn(turn: list[TurnEvent], *, cut: bool) -> None:
    """One turn keeps its form, and its end says what there was.

    Args:
        turn: Its events.
        cut: The client may have cut it.

    Raises:
        AssertionError: It does not.
    """
    end = turn[-1]
    assert isinstance(end, TurnEnded)
    kinds = [type(event) for event in turn]
    output = [place for place, event in enumerate(turn) if isinstance(event, TargetGrew | OutputAudio)]
    assert end.had_output == bool(output)
    assert kinds.count(OutputStarted) == (1 if output and end.answers_utterance else 0)
    assert OutputStarted not in kinds or kinds.index(OutputStarted) < output[0]
    assert OutputEnded not in kinds or kinds.index(OutputEnded) > output[0]
    texts = [event.text for event in turn if isinstance(event, SourceChanged)]
    assert end.source_text == (texts[-1] if texts else "")
    assert all(event.text for event in turn if isinstance(event, TargetGrew)), "an empty piece of target text"
    _check_failure(turn, end, cut=cut)


def _check_failure(turn: list[TurnEvent], end: TurnEnded, *, cut: bool) -> None:
    """What failed is what the failure says, and what did not was heard, or said nothing at all."""
    kinds = [type(event) for event in turn]
    if not end.answers_utterance:
        assert end.failure is None, "what answers nothing cannot fail"
    elif end.failure is None:
        assert cut or not end.had_output or OutputAudio in kinds, "text without sound counts as answered"
    elif end.failure in _WITHOUT_OUTPUT:
        assert not end.had_output, f"{end.failure} with output"
    elif end.failure in _WITH_OUTPUT:
        assert end.had_output, f"{end.failure} without output"
    elif end.failure in _WITHOUT_SPEECH:
        characters = sum(len(event.text) for event in turn if isinstance(event, TargetGrew))
        sounds = [event for event in turn if isinstance(event, OutputAudio) and any(event.pcm)]
        secs = sum(len(event.pcm) / (2 * event.sample_rate_hz) for event in sounds)
        zeros = end.failure is TurnFailure.SILENT_AUDIO
        assert characters or zeros, f"{end.failure} without text"
        assert zeros or characters > secs * _LEAST_CHARACTERS_PER_SEC, f"{end.failure} with {secs} s of sound"
        assert not sounds or end.failure is TurnFailure.NO_AUDIO


def check_sound(events: list[TurnEvent], said: list[bytes], *, cut: bool) -> None:
    """No sound is lost, doubled or moved; only zeros may be missing, where a turn failed or was cut.

    Args:
        events: All that came out.
        said: All audio that the upstream sent.
        cut: The client may have cut a turn.

    Raises:
        AssertionError: That is not so.
    """
    heard = [event.pcm for event in events if isinstance(event, OutputAudio)]
    failed = any(isinstance(event, TurnEnded) and event.failure is not None for event in events)
    if failed or cut:
        heard, said = ([pcm for pcm in pieces if any(pcm)] for pieces in (heard, said))
    assert heard == said
