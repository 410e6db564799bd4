"""`trialist export`: the trials as CSV, JSON or Parquet, one row a trial."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import CommandError, MissingExtraError

FORMATS = ("csv", "json", "parquet")


@click.command("export", short_help="write the trials as CSV, JSON or Parquet")
@click.argument("file", required=False)
@click.option("--format", "kind", type=click.Choice(FORMATS), help="What to write [by the file's name, else csv].")
@study_options
def export_command(file: str | None, kind: str | None, study: str | None, store: str | None, as_json: bool) -> None:
    """Write all trials, one row each: dials as params.NAME, scores as metrics.NAME. Without FILE, to standard output.

    \b
    Examples:
      trialist export trials.csv
      trialist export --format json > trials.json
    """
    from trialist.study.table import rows

    ending = Path(file).suffix.lstrip(".") if file else ""
    kind = kind or (ending if ending in FORMATS else "json" if as_json and file is None else "csv")
    if kind == "parquet" and file is None:
        raise CommandError("file", "Parquet is binary, and none is given", "Give a file, such as trials.parquet.")
    with load_study(study, store) as found:
        table = rows(found.history)
        if kind == "parquet":
            content = parquet(table)
        else:
            text = csv_text(table, _heads(found.space.names)) if kind == "csv" else json_text(table)
            content = text.encode()
        if file is None:
            sys.stdout.buffer.write(content)
            return
        try:
            Path(file).write_bytes(content)
        except OSError as error:
            problem = f"it cannot be written ({error.strerror})"
            raise CommandError(file, problem, "Give a path that can be written.") from None
        told = {"study": found.name, "file": file, "format": kind, "trials": len(table)}
        click.echo(json.dumps(told) if as_json else f"wrote {len(table)} trials to {file}")


def csv_text(table: Sequence[Mapping[str, Any]], heads: Sequence[str]) -> str:
    """CSV with one line of heads, also where there is no trial; tuples and bytes are written as JSON."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]) if table else list(heads), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def json_text(table: Sequence[Mapping[str, Any]]) -> str:
    """A JSON list with an object for each trial."""
    from trialist.cli.asjson import plain_json

    return json.dumps(plain_json(table), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def parquet(table: Sequence[Mapping[str, Any]]) -> bytes:
    """Parquet; columns of mixed types are written as text. MissingExtraError without pandas and pyarrow."""
    try:
        import pandas
        import pyarrow  # noqa: F401 - pandas needs it for Parquet
    except ImportError:
        raise MissingExtraError("Writing Parquet needs", "dataframes") from None
    frame = pandas.DataFrame(list(table))
    for name in frame:
        kinds = {type(value) for value in frame[name] if value is not None}
        if (len(kinds) > 1 and not kinds <= {int, float}) or kinds & {tuple, list, dict}:
            frame[name] = [None if value is None else str(_cell(value)) for value in frame[name]]
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def _heads(dials: Sequence[str]) -> list[str]:
    return ["number", "state", "stage", *(f"params.{name}" for name in dials)]


def _cell(value: Any) -> Any:
    if isinstance(value, (tuple, list, dict, bytes)):
        from trialist.cli.asjson import plain_json

        return json.dumps(plain_json(value), ensure_ascii=False)
    return value
