"""runf-watcher: follows a state root and pushes what happens there."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import NoReturn

import click

from runtime import VERSION
from runtime.errors import Fault
from watcher.config import find_settings

INTERRUPTED = 130


@click.command("runf-watcher", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", metavar="PATH", help="The state root to follow (default: your own).")
@click.option("--socket", metavar="PATH", help="The Unix socket to serve on.")
@click.option(
    "--listen",
    metavar="ADDRESS",
    multiple=True,
    help="Serve this TCP address too, as 127.0.0.1:9440: to everybody here.",
)
@click.option("--allow-remote", is_flag=True, help="Let --listen name an address that other machines reach.")
@click.option("--config", metavar="FILE", help="Read this watcher.toml.")
@click.option("--follow", is_flag=True, help="Print the events on stdout instead; serve nothing, commit nothing.")
@click.option(
    "--filter", "filters", metavar="NAME=VALUE", multiple=True, help="With --follow: only such events, as id=web."
)
@click.option("--one-root", is_flag=True, help="Follow no announced root beside your own.")
@click.option("--read-only", is_flag=True, help="Follow and push, but never write to the root.")
@click.version_option(VERSION, "-v", "--version", message="runf-watcher version %(version)s")
def command(
    root: str | None,
    socket: str | None,
    config: str | None,
    filters: tuple[str, ...],
    listen: tuple[str, ...],
    *,
    allow_remote: bool,
    follow: bool,
    one_root: bool,
    read_only: bool,
) -> None:
    """Follow the state directory of containers, and push each event to whoever asks.

    Every subscriber of the socket gets the containers that are there, then what happens to them:

    \b
      curl --unix-socket /run/opencontainer/watcher.sock http://runf/v1/events
    """
    find = partial(
        find_settings,
        os.environ,
        config=config,
        root=root,
        socket=socket,
        listen=listen,
        allow_remote=allow_remote,
        read_only=read_only,
        one_root=one_root,
    )
    settings = find()
    if follow:
        from watcher.following import follow as print_events

        print_events(settings, [(name, value) for name, _, value in (text.partition("=") for text in filters)])
        return
    if filters:
        raise Fault("--filter is for --follow", hint="a subscriber of the socket names its own filters")
    from watcher.service import serve  # aiohttp takes longer to load than following does to start

    serve(settings, find)


def main() -> NoReturn:
    """Run the command line; every fault is one line on stderr."""
    try:
        command.main(standalone_mode=False)
    except click.exceptions.Abort:
        _end(INTERRUPTED)
    except click.ClickException as error:
        _fail(error.format_message(), 1)
    except KeyboardInterrupt:
        _end(INTERRUPTED)
    except BrokenPipeError:
        _end(0)  # the reader of --follow has gone
    except Fault as fault:
        _fail(str(fault), fault.exit_status)
    except ImportError as error:
        _fail(f"{error.name} is not installed; pip install 'runf[watcher]'", 1)
    except OSError as error:
        _fail(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", 1)
    except Exception as error:  # the last line of defence: no traceback ever reaches a user
        _fail(f"internal error: {type(error).__name__}: {error}", 1)
    _end(0)


def _fail(message: str, status: int) -> NoReturn:
    print("runf-watcher: " + " ".join(message.split()), file=sys.stderr)
    _end(status)


def _end(status: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
