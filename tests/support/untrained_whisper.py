"""A real CTranslate2 model of Whisper's shape that nobody trained: small, made on the spot, and it hears nonsense.

What it shows is that faster-whisper is called as it wants to be; what it hears is worth nothing. Needs the
packages of ``requirements-whisper.lock``.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WIDTH, _LAYERS, _HEADS, _MELS = 16, 1, 2, 80
_TEXT_TOKENS = 50_257
_TIMESTAMPS = 1501
_LANGUAGES = ("en", "ko", "ja")


def make_untrained_whisper(folder: Path) -> None:
    """Write the model into ``folder``, as a converter would."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    tokens = _write_tokenizer(folder)
    spec = WhisperSpec(_LAYERS, _HEADS, _LAYERS, _HEADS)
    _Weights(np.random.default_rng(0)).fill(spec, len(tokens))
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in _LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


def _write_tokenizer(folder: Path) -> list[str]:
    """Bytes and words without meaning, and the marks that the library asks for by name; gives all, by number."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"Ġword{number}" for number in range(_TEXT_TOKENS - len(letters) - 1)]
    # CTranslate2 takes a model for a multilingual one if its vocabulary has the empty token.
    vocabulary = {token: number for number, token in enumerate([*letters, "", *words])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = ["endoftext", "startoftranscript", *_LANGUAGES, "translate", "transcribe", "startoflm", "startofprev"]
    marks += ["nospeech", "notimestamps", *(f"{number * 0.02:.2f}" for number in range(_TIMESTAMPS))]
    tokenizer.add_special_tokens([AddedToken(f"<|{mark}|>", special=True) for mark in marks])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [str(tokenizer.id_to_token(number)) for number in range(tokenizer.get_vocab_size())]


class _Weights:
    """Fills the layers of a specification, whose classes have no types."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng

    def fill(self, spec: object, tokens: int) -> None:
        encoder, decoder = spec.encoder, spec.decoder  # type: ignore[attr-defined]
        for layer, channels in ((encoder.conv1, _MELS), (encoder.conv2, _WIDTH)):
            layer.weight, layer.bias = self._some(_WIDTH, channels, 3), self._zeros(_WIDTH)
        encoder.position_encodings.encodings = self._some(1500, _WIDTH)
        decoder.position_encodings.encodings = self._some(448, _WIDTH)
        decoder.embeddings.weight = decoder.projection.weight = self._some(tokens, _WIDTH)
        for part in (encoder, decoder):
            self._norm(part.layer_norm)
            for layer in part.layer:
                self._attention(layer.self_attention, [3, 1])
                self._feed_forward(layer.ffn)
        for layer in decoder.layer:
            self._attention(layer.attention, [1, 2, 1])

    def _some(self, *shape: int) -> NDArray[np.float32]:
        return (self._rng.standard_normal(shape) * 0.1).astype(np.float32)

    def _zeros(self, size: int) -> NDArray[np.float32]:
        return np.zeros(size, np.float32)

    def _norm(self, layer: object) -> None:
        layer.gamma, layer.beta = np.ones(_WIDTH, np.float32), self._zeros(_WIDTH)  # type: ignore[attr-defined]

    def _linear(self, layer: object, size_out: int, size_in: int) -> None:
        layer.weight, layer.bias = self._some(size_out, size_in), self._zeros(size_out)  # type: ignore[attr-defined]

    def _attention(self, layer: object, widths: list[int]) -> None:
        self._norm(layer.layer_norm)  # type: ignore[attr-defined]
        for linear, width in zip(layer.linear, widths, strict=True):  # type: ignore[attr-defined]
            self._linear(linear, width * _WIDTH, _WIDTH)

    def _feed_forward(self, layer: object) -> None:
        self._norm(layer.layer_norm)  # type: ignore[attr-defined]
        self._linear(layer.linear_0, 4 * _WIDTH, _WIDTH)  # type: ignore[attr-defined]
        self._linear(layer.linear_1, _WIDTH, 4 * _WIDTH)  # type: ignore[attr-defined]
