"""The page of ``web/``: its files, the samples that it can let be heard, and what the server allows it to offer."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.types import Scope

from pipelines.engines import Engines
from pipelines.settings import Settings
from pipelines.whisper import has_whisper

_ROOT = Path(__file__).parents[1]
_WEB = _ROOT / "web"
_SAMPLES = _ROOT / "samples"
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; require-trusted-types-for 'script'; trusted-types 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-cache",  # kept, and asked for by its ETag: an update is seen at once
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), screen-wake-lock=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".wav": "audio/wav", ".ts": "text/plain; charset=utf-8"}
"""Which a machine's own table may lack or have otherwise; ``nosniff`` leaves no second chance."""


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)


class Engine(_Body):
    """A pipeline that a client may ask for."""

    name: str
    """For ``engine`` in ``init``."""

    whisper: bool
    """Whether ``useWhisper`` has an effect with it."""


class PageConfig(_Body):
    """What a client may ask of this server; no secret, and nothing that depends on who asks."""

    languages: tuple[str, str]
    """The two of ``LANGUAGES``: what ``language`` in ``init`` may be, beside ``auto``."""

    target_languages: tuple[str, ...]
    """Everything that ``targetLanguage`` may be, the two included."""

    engines: tuple[Engine, ...]
    """What ``engine`` may be; the first one serves whoever asks for none."""

    resume_grace_secs: float
    """For so long a session waits for its client to come back; 0: not at all."""

    max_chunk_secs: float
    """The longest chunk of audio that is taken."""

    rooms: bool
    """Whether there are rooms: conversations between people."""

    room_key: bool
    """Whether making a room takes a key."""

    samples: tuple[str, ...]
    """Speech to try the server with: WAV files under ``/samples/``."""


class PageFiles(StaticFiles):
    """The files of a folder, with the headers that every answer of the page has."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, ``304`` where the client has it, or an error as :class:`StaticFiles` raises it."""
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        if response.status_code == 200 and (media_type := _MEDIA_TYPES.get(Path(path).suffix)):
            response.headers["Content-Type"] = media_type
        return response


def page_config(settings: Settings, engines: Engines) -> PageConfig:
    """What ``GET /config`` says."""
    return PageConfig(
        languages=settings.pair,
        target_languages=tuple(dict.fromkeys((*settings.pair, *settings.target_languages))),
        engines=tuple(
            Engine(name=pipeline.name, whisper=bool(settings.whisper_model) and has_whisper(pipeline))
            for pipeline in engines.pipelines
        ),
        resume_grace_secs=settings.resume_grace_secs,
        max_chunk_secs=settings.max_chunk_secs,
        rooms=settings.max_rooms > 0 and settings.workers == 1,
        room_key=settings.room_api_key is not None,
        samples=tuple(sorted(path.name for path in _SAMPLES.glob("*.wav"))),
    )


def add_page(app: FastAPI, settings: Settings, engines: Engines) -> None:
    """Serve the page from ``app``: ``/``, ``/config``, and the files under ``/web`` and ``/samples``."""
    files = PageFiles(directory=_WEB)
    config = page_config(settings, engines)
    router = APIRouter()

    @router.head("/", include_in_schema=False)
    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        """The page."""
        return await files.get_response("index.html", request.scope)

    @router.head("/config", include_in_schema=False)
    @router.get("/config", tags=["state"], response_model=PageConfig)
    async def offered(response: Response) -> PageConfig:
        """What a client may ask of this server: languages, engines, sample speech."""
        response.headers.update({"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
        return config

    app.include_router(router)
    app.mount("/web", files)
    app.mount("/samples", PageFiles(directory=_SAMPLES))
