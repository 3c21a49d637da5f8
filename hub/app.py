"""The ASGI application: routes, problems, guard. Nothing else happens here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from hub.edge.guard import EdgeGuard
from hub.openapi import openapi_of
from hub.problem_answers import answer, handle_errors
from hub.routes import BODY_LIMITS, ROUTES
from hub.runtime import Hub, at_work, open_hub
from hub.settings import Settings
from hub.web import pages
from hub.web.scanning import CAMERA_PAGES

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def create_app(settings: Settings, *, hub: Hub | None = None) -> ASGIApp:
    """The application of one hub. With `hub` given it is already open and stays so; else the application opens it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if hub is not None:
            app.state.hub = hub
            yield
            return
        async with open_hub(settings) as opened, at_work(opened):
            app.state.hub = opened
            opened.agents.attend()
            yield

    app = FastAPIOffline(
        title="Yizheng 一证",
        version="0.1.0",
        summary="One ID in; the hub fetches the rest. 以一证通办代替层层证明。",
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url="/redoc",
        static_url="/static-docs",
    )
    if hub is not None:
        app.state.hub = hub
        hub.agents.attend()
    app.router.routes.extend(ROUTES.routes)
    pages.mount_static(app)
    handle_errors(app, settings.public_url)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    hosts = {urlsplit(settings.public_url).hostname or "", *LOOPBACK, *settings.allowed_hosts}
    return EdgeGuard(
        app,
        hosts=hosts,
        max_body_bytes=settings.max_body_bytes,
        refuse=lambda error, request: answer(request, error, settings.public_url),
        body_limits=BODY_LIMITS,
        camera=CAMERA_PAGES,
    )
