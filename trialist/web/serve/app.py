"""The application: addresses and what answers them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from trialist.errors import InputError, StoreError, TrialistError, UnknownStudyError
from trialist.protocols import Store
from trialist.study.folders import study_folder
from trialist.trials.instruction import pause_of
from trialist.web.assets import SCRIPTS, STYLES, bytes_of
from trialist.web.figure import served
from trialist.web.html import Html, el
from trialist.web.panels import PANELS
from trialist.web.serve.acting import Acting, told
from trialist.web.serve.asked import asked_section, pause_note, revisions_section
from trialist.web.serve.background import Background
from trialist.web.serve.board import Board, Boards, as_json
from trialist.web.serve.events import all_moments, id_of, made_of, progress, stream, stream_of_all
from trialist.web.serve.forms import Form, dialog, openers, study_forms, trial_forms
from trialist.web.serve.frame import ICON, OURS, Frame, framed, problem
from trialist.web.serve.guard import HEADERS, Guard, Rules
from trialist.web.serve.listing import Wanted, form_section, listing_section
from trialist.web.serve.pages import SECTIONS, pages_of, sections
from trialist.web.serve.places import name_of, study_at
from trialist.web.serve.studies import rows_of, studies_section
from trialist.web.serve.trialpage import comparison_sections, tail_of, trial_sections

PATIENCE = 0.3  # seconds that a panel is waited for, before the browser is told to ask again
_TYPES = {"css": "text/css", "js": "text/javascript"}


def app(store: Store, rules: Rules, is_over: Callable[[], bool] = lambda: False) -> Starlette:
    """The dashboard of a store. is_over: the server is to end, so that streams of events do."""
    background = Background(2)
    made = _Dashboard(store, rules, Boards(store, background), is_over)
    return Starlette(
        routes=[
            Route("/", made.studies),
            Route("/events", made.all_events),
            Route("/static/{path:path}", _static),
            Route("/favicon.ico", _icon),
            Route("/studies/{key}", made.page),
            Route("/studies/{key}/events", made.events),
            Route("/studies/{key}/panels/{panel}.json", made.panel),
            Route("/studies/{key}/do/{act}", made.acting.do, methods=["POST"]),
            Route("/studies/{key}/do/{act}", made.acting.form),
            Route("/studies/{key}/compare", made.compare),
            Route("/studies/{key}/compare/{one:int}/{other:int}/panels/{panel}.json", made.compared_panel),
            Route("/studies/{key}/trials", made.trials),
            Route("/studies/{key}/trials/{number:int}", made.trial),
            Route("/studies/{key}/trials/{number:int}/log", made.log),
            Route("/studies/{key}/trials/{number:int}/panels/{panel}.json", made.trial_panel),
            Route("/studies/{key}/asked", made.asked),
            Route("/studies/{key}/{place}", made.page),
        ],
        middleware=[
            Middleware(Guard, rules=rules),
            Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=4),
        ],
        exception_handlers={TrialistError: _told, 404: _missing, 500: _our_fault},
    )


class _Dashboard:
    def __init__(self, store: Store, rules: Rules, boards: Boards, is_over: Callable[[], bool]) -> None:
        self._store, self._boards, self._is_over = store, boards, is_over
        self.acting = Acting(rules, self._board, lambda board: self._frame(board, None))
        self._csrf = "" if rules.read_only else rules.csrf

    # Pages

    async def studies(self, request: Request) -> Response:
        def make() -> str:
            moments = all_moments(self._store)
            rows, more = rows_of(self._store)
            frame = Frame("Studies", events="/events", moment=moments, progress=_where(self._store))
            return framed(frame, studies_section(rows, more))

        return HTMLResponse(await run_in_threadpool(make))

    async def page(self, request: Request) -> Response:
        place = request.path_params.get("place", "")
        if place not in SECTIONS:
            return _page_missing()

        def make(board: Board) -> str:
            frame = self._frame(board, place)
            data = board.data()
            content: list[Html | None] = [*sections(place, data)]
            dialogs = list[Html]()
            if place == "":
                pause = pause_of(board.store.instructions(board.name))
                forms, at = study_forms(data, pause is not None) if self._csrf else (), study_at(board.name)
                steer = (pause_note(pause), _running(board), openers(forms, at))
                content = [el("section", *steer, id="steer", aria_label="Steer"), *content]
                dialogs = self._dialogs(forms, at)
            if board.is_computing:
                content.append(el("p", "More is being computed, and appears here.", class_="note", id="computing"))
            return framed(replace(frame, pages=pages_of(data), done=told(request)), *content, after=dialogs)

        return await self._answer(request, make)

    async def trials(self, request: Request) -> Response:
        wanted = Wanted.of(request.query_params)

        def make(board: Board) -> str:
            frame = self._frame(board, "trials")
            data, at = board.data(), f"{study_at(board.name)}/trials"
            return framed(
                replace(frame, pages=pages_of(data)), form_section(data, wanted, at), listing_section(data, wanted, at)
            )

        return await self._answer(request, make)

    async def trial(self, request: Request) -> Response:
        number: int = request.path_params["number"]

        def make(board: Board) -> str:
            frame = self._frame(board, None)
            data, at = board.data(), study_at(board.name)
            record = board.store.trial(board.name, number)
            asked = [each for each in board.store.instructions(board.name) if each.trial == number]
            forms = trial_forms(data, record) if self._csrf else ()
            found = trial_sections(data, record, asked, f"{at}/trials/{number}")
            buttons = openers(forms, at, number)
            steer = el("section", buttons, id="steer", aria_label="Steer") if buttons else None
            crumbs = (("Trials", f"{at}/trials"),)
            frame = replace(frame, title=f"Trial {number} of {board.name}", crumbs=crumbs, done=told(request))
            frame = replace(frame, pages=pages_of(data))
            return framed(frame, steer, *found, after=self._dialogs(forms, at))

        return await self._answer(request, make)

    async def compare(self, request: Request) -> Response:
        given = [request.query_params.get(side, "") for side in ("a", "b")]
        if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in given):
            words = "Two trials are compared by their numbers, as in compare?a=0&b=7."
            return HTMLResponse(problem("Compare what?", words), status_code=400)
        one, other = map(int, given)

        def make(board: Board) -> str:
            frame = self._frame(board, None)
            data, at = board.data(), study_at(board.name)
            records = [board.store.trial(board.name, number) for number in (one, other)]
            crumbs = (("Trials", f"{at}/trials"),)
            frame = replace(frame, title=f"Trials {one} and {other}", crumbs=crumbs, pages=pages_of(data))
            return framed(frame, *comparison_sections(data, records[0], records[1], at))

        return await self._answer(request, make)

    async def asked(self, request: Request) -> Response:
        def make(board: Board) -> str:
            frame = self._frame(board, "asked")
            data = board.data()
            asked = asked_section(board.store.instructions(board.name))
            revisions = revisions_section(board.store.revisions(board.name))
            return framed(replace(frame, pages=pages_of(data)), asked, revisions)

        return await self._answer(request, make)

    # Data

    async def panel(self, request: Request) -> Response:
        panel = request.path_params["panel"]
        if panel not in PANELS:
            return _page_missing()
        board = await run_in_threadpool(self._board, request)
        aim = request.query_params.get("on", "")
        if aim and aim not in {objective.name for objective in board.study().declared.objectives}:
            return _page_missing()
        work, known = await run_in_threadpool(board.panel, panel, aim)
        if work is not None and not known:
            try:
                known = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(work)), PATIENCE)
            except TimeoutError:
                return Response(status_code=202)  # ask again
        if not known and board.is_computing:
            return Response(status_code=202)  # what it is drawn from may still come
        return _json(known or b"")

    async def trial_panel(self, request: Request) -> Response:
        return await self._panel_of(request, [request.path_params["number"]])

    async def compared_panel(self, request: Request) -> Response:
        return await self._panel_of(request, [request.path_params["one"], request.path_params["other"]])

    async def _panel_of(self, request: Request, numbers: list[int]) -> Response:
        """A panel of one or two trials alone."""
        panel = request.path_params["panel"]
        if panel not in PANELS:
            return _page_missing()

        def make() -> bytes:
            board = self._board(request)
            records = tuple(replace(board.store.trial(board.name, n), reports=()) for n in dict.fromkeys(numbers))
            return as_json(served(panel, replace(board.data(), records=board.with_curves(records, points=1_000))))

        return _json(await run_in_threadpool(make))

    async def log(self, request: Request) -> Response:
        since = request.query_params.get("from", "")
        begin = int(since) if since.isascii() and since.isdigit() and len(since) < 16 else None

        def read() -> Any:
            board = self._board(request)
            record = board.store.trial(board.name, request.path_params["number"])
            tail = tail_of(study_folder(board.store.url, board.name), record.number, begin)
            live = not record.state.is_closed
            return {"text": "" if tail is None else tail.text, "to": begin or 0 if tail is None else tail.to,
                    "more": tail is not None and tail.more, "live": live}  # fmt: skip

        return JSONResponse(await run_in_threadpool(read))

    async def events(self, request: Request) -> Response:
        board = await run_in_threadpool(self._board, request)
        made = made_of(request.query_params.get("made", ""))
        return _events(stream(board, _last(request), self._is_over, made))

    async def all_events(self, request: Request) -> Response:
        return _events(stream_of_all(self._store, _last(request), self._is_over))

    # Helpers

    def _board(self, request: Request) -> Board:
        name = name_of(request.path_params["key"])
        if name is None:
            raise UnknownStudyError("that is no study's address. Go to the list of studies.")
        return self._boards[name]

    def _dialogs(self, forms: Sequence[Form], at: str) -> list[Html]:
        return [dialog(form, at, self._csrf) for form in forms]

    def _frame(self, board: Board, here: str | None) -> Frame:
        """Made before the content is read: so that no change can fall between the page and its events."""
        at = study_at(board.name)
        return Frame(
            board.name,
            board.name,
            here,
            events=f"{at}/events?made={board.version}.{board.panels_version}",
            moment=id_of(board.moment()),
            progress=progress(board),
            csrf=self._csrf,
        )

    async def _answer(self, request: Request, make: Callable[[Board], str]) -> Response:
        return HTMLResponse(await run_in_threadpool(lambda: make(self._board(request))))


def _running(board: Board) -> Html:
    who = board.store.coordinators(board.name)
    return el("p", f"Run by {', '.join(who)}." if who else "Nobody runs it now.", class_="note")


def _where(store: Store) -> str:
    return f"In {store.url.removeprefix('sqlite:///')}."


def _last(request: Request) -> str:
    return request.headers.get("last-event-id") or request.query_params.get("last", "")


def _events(source: AsyncIterator[str]) -> Response:
    headers = {"X-Accel-Buffering": "no"}  # proxies are not to hold them back
    return StreamingResponse(source, media_type="text/event-stream", headers=headers)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json") if body else Response(status_code=204)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


async def _static(request: Request) -> Response:
    path = request.path_params["path"]
    if path == "icon.svg":
        return await _icon(request)
    if path not in (*STYLES, *SCRIPTS, *OURS, "live.css"):
        return _page_missing()
    # The address has the content's digest in it.
    headers = {"Cache-Control": "public, max-age=31536000, immutable"} if "v" in request.query_params else {}
    return Response(bytes_of(path), media_type=_TYPES[path.rpartition(".")[2]], headers=headers)


async def _icon(request: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


def _page_missing() -> Response:
    return HTMLResponse(problem("No such page", "There is nothing at this address."), status_code=404)


async def _missing(request: Request, error: Exception) -> Response:
    return _page_missing()


async def _our_fault(request: Request, error: Exception) -> Response:
    """The traceback is in the server's own output; a browser gets none of it."""
    words = "Something is wrong in Trialist itself. The output of trialist serve has the traceback: please report it."
    return HTMLResponse(problem("Not shown", words), status_code=500, headers=HEADERS)


_TITLES = ((UnknownStudyError, 404, "Not there"), (StoreError, 503, "Not readable now"), (InputError, 400, "Not done"))


async def _told(request: Request, error: Exception) -> Response:
    """A typed error as a page: the study is gone, the store cannot be read."""
    status, title = next(((s, t) for kind, s, t in _TITLES if isinstance(error, kind)), (500, "Not readable now"))
    if _wants_json(request):
        return JSONResponse({"problem": str(error)}, status_code=status)
    return HTMLResponse(problem(title, str(error)), status_code=status)
