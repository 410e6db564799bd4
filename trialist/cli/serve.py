"""`trialist serve`: the live dashboard, for this machine alone unless another host is asked for."""

from __future__ import annotations

import click

from trialist.cli.options import json_option, store_option
from trialist.errors import CommandError, StoreMissingError


@click.command("serve", short_help="the live dashboard on 127.0.0.1")
@store_option
@click.option("--port", type=click.IntRange(0, 65535), default=8787, metavar="N", help="0 for any free one [8787].")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Another than this machine needs a token.")
@click.option("--token", metavar="TEXT", help="Asked for at the first visit; drawn where --host needs one.")
@click.option("--read-only", is_flag=True, help="Show everything, and change nothing.")
@click.option("--wait", is_flag=True, help="Start before the first study: a store that is not there is made.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@json_option
def serve_command(
    store: str | None, port: int, host: str, token: str | None, read_only: bool, wait: bool, opens: bool, as_json: bool
) -> int:
    """Serve a live dashboard of all studies in the store: what they find, what it is worth, and what to do about it.

    It stays while studies run and end, and with --wait may start before the first one. Ctrl-C ends it.

    \b
    Examples:
      trialist serve
      trialist serve --host 0.0.0.0 --read-only
    """
    from trialist.cli.options import store_here
    from trialist.store import open_store
    from trialist.web.serve.run import Address, serve

    if token is not None and not token.strip():
        raise CommandError("token", "it is empty", "Give one, or leave it out: one is drawn where it is needed.")
    place = store or store_here()
    try:
        kept = open_store(place, create=wait)
    except StoreMissingError as missing:
        raise StoreMissingError(f"{missing} To wait here for the first study, add --wait.") from None
    address = Address(host, port, token)

    def started(url: str) -> None:
        if as_json:
            from trialist.cli.asjson import print_json

            print_json({"url": url, "store": kept.url, "read_only": read_only})
        else:
            click.echo(f"dashboard of {kept.url.removeprefix('sqlite:///')}: {url}")
            click.echo("Ctrl-C ends it; studies that run go on.", err=True)
        if opens:
            import webbrowser

            webbrowser.open(url)

    serve(kept, address, read_only=read_only, started=started)
    return 0
