"""README and docs against the code: every block runs, every public name and every command is told, every link leads.

In a page, ```python blocks make one script, run first; a block that begins with a comment such as `# train.py` is that
file. Then the lines of ```console blocks that begin with "$ " are run in order, in the same folder.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trialist as tl

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.]+\.\w+)\n")
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(page: Path, kind: str) -> list[tuple[int, str]]:
    """(line, text) of the blocks of a kind."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start(2)), m[2]) for m in BLOCK.finditer(text) if m[1] == kind]


def commands(page: Path) -> list[str]:
    joined = "".join(text for _, text in blocks(page, "console")).replace("\\\n", "")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def run(words: list[str] | str, folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "OPENBLAS_NUM_THREADS": "1"}
    shell = isinstance(words, str)
    done = subprocess.run(
        words, shell=shell, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page, tmp_path):
    script = ""
    for line, text in blocks(page, "python"):
        named = FILE.match(text)
        if named:
            (tmp_path / named[1]).write_text(text, encoding="utf-8")
        else:
            # The lines of the script are the lines of the page, so that a traceback points into it.
            script += "\n" * (line - script.count("\n")) + text
    if script:
        (tmp_path / f"{page.stem}_page.py").write_text(script, encoding="utf-8")
        run([sys.executable, f"{page.stem}_page.py"], tmp_path)
    for command in commands(page):
        run(command, tmp_path)


@pytest.mark.parametrize("name", tl.__all__)
def test_every_public_name_is_told(name):
    assert re.search(rf"\b{name}\b", ALL)


@pytest.mark.parametrize("home", [tl.Study, tl.Trial, tl.Split], ids=lambda home: home.__name__)
def test_every_public_method_is_told(home):
    names = {name for each in home.mro() if each is not object for name in vars(each) if not name.startswith("_")}
    missing = [name for name in sorted(names) if not re.search(rf"\.{name}\b|`{name}`", ALL)]
    assert not missing


def test_every_argument_of_tune_is_told():
    missing = [name for name in inspect.signature(tl.tune).parameters if not re.search(rf"\b{name}\b", ALL)]
    assert not missing


def test_every_command_and_option_is_told():
    import click

    from trialist.cli.main import trialist

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    context = click.Context(trialist)
    missing = []
    for name in trialist.list_commands(context):
        command = trialist.get_command(context, name)
        assert command is not None
        if not re.search(rf"trialist {name}\b", page):
            missing.append(name)
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        missing += [f"{name} {o}" for p in options for o in p.opts if o.startswith("--") and o not in page]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_named_example_is_there(page):
    named = re.findall(r"examples/[\w.]+", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
