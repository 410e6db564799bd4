"""Acting on a study: the page of a form, and the answer to one that was sent, with a script or without."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from trialist.errors import InputError, PlanError, StateError, StudyError, UnknownStudyError, shown
from trialist.study.session import describe_self
from trialist.trials.instruction import pause_of
from trialist.web.serve.doing import DID, Doer, done, trial_of
from trialist.web.serve.forms import Form, form_page, study_forms, trial_forms
from trialist.web.serve.frame import Frame, framed, problem
from trialist.web.serve.guard import Rules, is_form_of_ours
from trialist.web.serve.pages import pages_of
from trialist.web.serve.places import study_at

if TYPE_CHECKING:
    from trialist.web.serve.board import Board

FindBoard = Callable[[Request], "Board"]


class Acting:
    """The routes by which people act."""

    def __init__(self, rules: Rules, board_of: FindBoard, frame_of: Callable[[Board], Frame]) -> None:
        self._rules, self._board_of, self._frame_of = rules, board_of, frame_of

    async def form(self, request: Request) -> Response:
        """A form as a page of its own, for browsers without scripts."""
        if self._rules.read_only:
            words = "This dashboard is read-only. Start trialist serve without --read-only to act here."
            return HTMLResponse(problem("Not here", words), status_code=403)
        act, given = request.path_params["act"], dict(request.query_params)
        page = await run_in_threadpool(lambda: self._page(self._board_of(request), act, given, {}, ""))
        return HTMLResponse(page)

    async def do(self, request: Request) -> Response:
        """Does what a form asks for: answers a script in JSON, and leads a browser on."""
        given = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        act = request.path_params["act"]
        if not is_form_of_ours(self._rules, given.get("csrf", "")):
            words = "this page is from an earlier start of the server. Reload it, and do it again."
            return self._refused(request, words, 403)
        client = request.client.host if request.client else "?"
        doer = Doer(given.get("who", "") or describe_self().rpartition(":")[0], client)
        board = await run_in_threadpool(self._board_of, request)
        try:
            found = await run_in_threadpool(done, board.store, board.study(), act, given, doer, time.time())
        except (InputError, StateError, StudyError) as error:
            status = 404 if isinstance(error, UnknownStudyError) else 400
            if _wants_json(request) or act not in DID:
                return self._refused(request, str(error), status)
            page = await run_in_threadpool(self._page, board, act, given, given, str(error))
            return HTMLResponse(page, status_code=status)
        if _wants_json(request):
            return JSONResponse({"done": found.words})
        return RedirectResponse(f"{_back(board, found.trial)}?did={act}", status_code=303)

    def _page(self, board: Board, act: str, given: Mapping[str, str], typed: Mapping[str, str], words: str) -> str:
        """The form, as it was typed where it was refused, with the reason."""
        data, number = board.data(), trial_of(given) if given.get("trial") else None
        if number is None:
            is_paused = pause_of(board.store.instructions(board.name)) is not None
            forms = study_forms(data, is_paused, typed)
        else:
            forms = trial_forms(data, board.store.trial(board.name, number), typed)
        form: Form | None = next((form for form in forms if form.act == act), None)
        if form is None:
            raise PlanError("action", f"{shown(act)} is none", f"Use one of {', '.join(form.act for form in forms)}.")
        back = _back(board, number)
        page = form_page(form, study_at(board.name), self._rules.csrf, back, typed, words)
        return framed(replace(self._frame_of(board), pages=pages_of(data)), page)

    def _refused(self, request: Request, words: str, status: int) -> Response:
        if _wants_json(request):
            return JSONResponse({"problem": words}, status_code=status)
        return HTMLResponse(problem("Not done", words), status_code=status)


def told(request: Request) -> str:
    """What was just done, as the address says; empty where nothing was."""
    return DID.get(request.query_params.get("did", ""), "")


def _back(board: Board, trial: int | None) -> str:
    at = study_at(board.name)
    return at if trial is None else f"{at}/trials/{trial}"


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
