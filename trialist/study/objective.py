"""Where a study's objective is found again: a command by its words, a function by the file that it stands in.

Nothing is unpickled: what is kept is a path and a name, and the file is imported as Python would.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from trialist.errors import PlanError, shown
from trialist.execute.attendant import loading
from trialist.execute.command import Command
from trialist.study.onwards import is_command
from trialist.study.session import Session
from trialist.study.work import Work

STAGE = "objective"
HOW = "train.py:objective"


def keep_objective(session: Session, work: Work) -> None:
    """Write down where the objective stands, if it stands in a file by a name; a command is in the plan already."""
    found = None if isinstance(work, Command) else place_of(work)
    if found is not None and session.stage(STAGE) != found:
        session.store.write_stage(session.name, STAGE, found, time.time())


def place_of(work: object) -> dict[str, str] | None:
    """{"file", "name", "module"} of a function, or of an object that a module holds by a name; None for any other.

    module: where it is more than the file's own name, a package's.
    """
    home = sys.modules.get(getattr(work, "__module__", "") or "")
    for module in (home, sys.modules.get("__main__")):
        file = getattr(module, "__file__", None)
        if module is None or file is None or not os.path.isfile(file):
            continue
        name = next((name for name, each in vars(module).items() if each is work and not name.startswith("__")), None)
        if name is not None:
            spec = getattr(module, "__spec__", None)
            known = (spec.name if spec is not None else "") if module.__name__ == "__main__" else module.__name__
            return {"file": os.path.abspath(file), "name": name, "module": known if "." in known else ""}
    return None


def work_of(session: Session, asked: str | None = None) -> Work:
    """The objective that a study was run with; `asked`, "file.py:name", where it is to be another.

    PlanError, saying what to do, where it cannot be found.
    """
    if asked is not None:
        file, _, name = asked.rpartition(":")
        if not file or not name:
            raise PlanError("objective", f"{shown(asked)} is no file and name", f"Give both, such as {HOW}.")
        return _loaded(file, name, "")
    if is_command(session.plan):
        dial = session.plan.fidelity
        return Command(tuple(shlex.split(session.plan.source)), None, None if dial is None else dial.name)
    kept: Mapping[str, Any] | None = session.stage(STAGE)
    if kept is None:
        problem = f"study {shown(session.name)} does not know in which file {shown(session.plan.source)} stands"
        remedy = f"Name it: --objective {HOW}, or study.sweep(dial, objective); it has to stand there by a name."
        raise PlanError("objective", problem, remedy)
    return _loaded(kept["file"], kept["name"], kept["module"])


def _loaded(file: str, name: str, module: str) -> Work:
    path = Path(file).resolve()
    if not path.is_file():
        raise PlanError("objective", f"there is no file {shown(file)} any more", f"Say where it is: --objective {HOW}.")
    try:
        with loading():  # a script that starts a study at its top level is told so, and starts none
            home = _imported(path, module)
    except Exception as problem:
        raised = f"{type(problem).__name__}: {problem}"
        remedy = "It has to be importable: what the script does stands under `if __name__ == '__main__':`."
        raise PlanError("objective", f"{path} could not be imported ({raised})", remedy) from problem
    work = getattr(home, name, None)
    if not callable(work):
        there = ", ".join(sorted(n for n, each in vars(home).items() if callable(each) and not n.startswith("_"))[:8])
        raise PlanError("objective", f"{path} has no function {shown(name)}", f"It has {there}: name one of those.")
    found: Work = work
    return found


def _imported(path: Path, module: str) -> ModuleType:
    """By the name that worker processes can import it by, too, where no other module has it."""
    name = module or path.stem
    folder = str(path.parents[name.count(".") + (path.stem == "__init__" and not module)])
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(name)
    if known is not None and _is_from(getattr(known, "__file__", None), path):
        return known
    try:
        spec = importlib.util.find_spec(name) if known is None else None
    except (ImportError, ValueError):
        spec = None
    if spec is not None and _is_from(spec.origin, path):
        return importlib.import_module(name)
    name = f"trialist_objective_{path.stem}"  # its own name is taken: workers are forked from this process then
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    home = importlib.util.module_from_spec(spec)
    sys.modules[name] = home
    spec.loader.exec_module(home)
    return home


def _is_from(file: str | None, path: Path) -> bool:
    return file is not None and os.path.realpath(file) == str(path)
