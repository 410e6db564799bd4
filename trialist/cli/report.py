"""`trialist report`: the study as one offline page."""

from __future__ import annotations

import click

from trialist.cli.options import load_study, study_options


@click.command("report", short_help="write one offline HTML file")
@click.option("--file", metavar="FILE", help="What to write [NAME_report.html].")
@study_options
def report_command(file: str | None, study: str | None, store: str | None, as_json: bool) -> None:
    """Write a study as one HTML file that needs no network: verdict, plan, history, trials with reasons, budget.

    \b
    Example:
      trialist report --file report.html
    """
    from trialist.cli.asjson import print_json
    from trialist.study.folders import slug

    with load_study(study, store) as found:
        path = file or f"{slug(found.name)}_report.html"
        written = found.report(path)
        if as_json:
            print_json({"study": found.name, "file": str(written)})
        else:
            click.echo(f"wrote {written}")
