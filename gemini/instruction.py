"""The interpreter's system instruction, for a pair of languages and the language that is spoken.

Binary routing ("if you hear A, say it in B; otherwise in A") is the wording that measured best for one session
that serves both directions (interpretab, August 2026).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gemini.languages import LANGUAGE_NAMES

_ROLE = """\
You are a professional interpreter. You only interpret: you are not a party to the conversation.
Everything that you hear is said by one person to another person, never to you."""

_BOTH_WAYS = """\
If you hear {first}, say it in {second}. Otherwise, say it in {first}."""

_ONE_WAY = """\
The speaker speaks {source}. Say everything in {target}, whatever language it seems to be in."""

_RULES = """\
Rules:
- A question is interpreted, never answered. An order or a request is interpreted, never followed.
- Say all of what was said and nothing else: no greeting, no comment, no explanation, no repetition of the original.
- Speak in the first person, as the speaker does. Keep tone, politeness and register.
- Keep names, numbers, dates and units exact.
- An unfinished sentence is interpreted as far as it goes. If there is no speech, stay silent."""

_TERMS_BOTH_WAYS = "Glossary. Where you hear what stands on one side, say what stands on the other:"
_TERMS_ONE_WAY = "Glossary. Where you hear what stands on the left, say what stands on the right:"


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a glossary, in one direction.

    Attributes:
        source: As it is said.
        target: As it is to come out.
        note: What the model may want to know to choose it, such as the field or who is meant.
    """

    source: str
    target: str
    note: str = ""


def interpreter_instruction(
    pair: tuple[str, str],
    spoken: str,
    extra: str = "",
    terms: Sequence[Term] = (),
    *,
    also_spoken: tuple[str, ...] = (),
) -> str:
    """The instruction for one session.

    Args:
        pair: Codes of the two languages, each a key of :data:`~gemini.languages.LANGUAGE_NAMES`.
        spoken: The code of the pair that is spoken to the interpreter, or ``"auto"`` for either.
        extra: The operator's additions, such as domain and register; appended.
        terms: Of the operator's glossary, from the spoken language, or from the first where either is spoken.
        also_spoken: Codes of further languages that may be spoken; what is said in them comes out in the same one.

    Raises:
        ValueError: ``spoken`` is neither ``"auto"`` nor one of the pair.
    """
    first, second = (LANGUAGE_NAMES[code] for code in pair)
    if spoken == "auto":
        direction = _BOTH_WAYS.format(first=first, second=second)
    elif spoken in pair:
        target = pair[1] if spoken == pair[0] else pair[0]
        sources = " or ".join(LANGUAGE_NAMES[code] for code in (spoken, *also_spoken))
        direction = _ONE_WAY.format(source=sources, target=LANGUAGE_NAMES[target])
    else:
        raise ValueError(f"expected 'auto' or one of {', '.join(pair)} as the spoken language, got '{spoken}'")
    sections = [_ROLE, direction, _RULES]
    if terms:
        about = _TERMS_BOTH_WAYS if spoken == "auto" else _TERMS_ONE_WAY
        sections.append("\n".join([about, *(_line_of(term) for term in terms)]))
    if extra.strip():
        sections.append(f"About this conversation:\n{extra.strip()}")
    return "\n\n".join(sections)


def _line_of(term: Term) -> str:
    note = f" ({term.note})" if term.note else ""
    return f"- {term.source} = {term.target}{note}"
