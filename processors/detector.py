"""Which of a few languages a text is in, by its words: for languages that share a script.

py3langid: a naive Bayes classifier over byte n-grams, whose model comes with the package. It is measured against
others in docs/decisions/0016-a-text-tells-its-language.md, and imported when it is first needed.
"""

import math
from functools import cache
from typing import TYPE_CHECKING

from gemini.languages import language_part

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_MOST_CHARACTERS = 500
"""Take 0.2 ms, and more would change nothing."""
_SURE = 0.6
"""Of 2280 short sentences ten are below it, among them all but one of those that would be told wrong."""
_LABELS = {"fil": ("tl",), "no": ("no", "nn")}
"""What the model calls a language that we call otherwise."""


@cache
def load_detector() -> "LanguageIdentifier":
    """Import the classifier and read its model, once for the process: 0.6 s and 77 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def detect_language(text: str, languages: list[str]) -> str | None:
    """The one of ``languages`` that ``text`` is most probably in; ``None`` where it may be in several.

    Args:
        text: Any text; only its beginning is read.
        languages: Two codes or more, each a key of :data:`~gemini.languages.LANGUAGE_NAMES`. ``None`` comes of one
            that the model does not know: Akan, Sindhi, Sundanese.
    """
    detector = load_detector()
    text = text[:_MOST_CHARACTERS]
    scores = dict(detector.rank(text))
    best_of = {code: max(scores.get(label, -math.inf) for label in _labels(code)) for code in languages}
    best = max(languages, key=lambda code: best_of[code])
    if min(best_of.values()) == -math.inf:
        return None
    # The likelihoods of n-grams that overlap are too sure of themselves, the longer the text the more: py3langid
    # itself divides by this where it is asked for probabilities of all its languages.
    temperature = math.sqrt(len(text.encode(errors="surrogatepass")) or 1)
    odds = sum(math.exp((score - best_of[best]) / temperature) for score in best_of.values())
    return best if 1 / odds >= _SURE else None


def _labels(code: str) -> tuple[str, ...]:
    language = language_part(code)
    return _LABELS.get(language, (language,))
