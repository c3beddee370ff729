"""The command line `kneewise`.

Each command imports what it needs only when it runs, so that `kneewise --help` answers at once.
Exit codes: 0 done, 1 it failed (the message says what to do), 2 the command was not understood.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from bot import __version__

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _give_up(message: object, code: int = 1) -> NoReturn:
    click.echo(f"kneewise: {message}", err=True)
    sys.exit(code)


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="kneewise")
def kneewise() -> None:
    """Kneewise asks a runner about a sore knee and says what to do, by when, and why.

    \b
    Examples:
      kneewise run                     start the server on http://127.0.0.1:5005
      kneewise run --port 8080         ... on another port
      kneewise chat                    talk to it in this terminal
      kneewise rasa data validate      any of Rasa's own commands, in this environment
    """


@kneewise.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [HOST, else 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 takes a free one. [PORT, else 5005]",
)
def run(host: str | None, port: int | None) -> None:
    """Start the server: the API, and a page to chat on at /.

    The model is trained first when what it is made from has changed. The other settings are
    environment variables that begin with KNEEWISE_; README.md lists them.

    \b
    Examples:
      kneewise run
      kneewise run --host 0.0.0.0 --port 8080
    """
    from bot.records import RecordsUnavailable
    from bot.runtime.launcher import CannotListen, CannotStore, serve
    from bot.runtime.training import TrainingFailed
    from bot.settings import UnusableSetting

    try:
        serve(host, port)
    except UnusableSetting as error:
        _give_up(error, 2)
    except (CannotListen, CannotStore, RecordsUnavailable, TrainingFailed) as error:
        _give_up(error)


@kneewise.command()
@click.option("--url", metavar="URL", help="A server that runs already; else one is started.")
@click.option("--clinic", metavar="ID", help="The clinic to talk as a patient of.")
def chat(url: str | None, clinic: str | None) -> None:
    """Talk to Kneewise in this terminal, over its API.

    Answer with the number of a choice, several numbers for a list, or in your own words. Ctrl-D or
    "bye" ends.

    \b
    Examples:
      kneewise chat
      kneewise chat --url http://127.0.0.1:5005
      printf 'my knee has been swollen for a week\\n' | kneewise chat
    """
    from bot.chat import ServerGone, talk

    try:
        talk(url, clinic)
    except ServerGone as error:
        _give_up(error)


@kneewise.command()
@click.option("--force", is_flag=True, help="Train even when the model is current.")
def train(force: bool) -> None:
    """Train the model, when what it is made from has changed."""
    from bot.runtime.training import TrainingFailed, ensure_model

    try:
        path = ensure_model(force=force)
    except TrainingFailed as error:
        _give_up(error)
    click.echo(f"The model is current: {path}")


@kneewise.command()
def proof() -> None:
    """Check the rules over every case that they can tell apart.

    Prints how many cases that were. Exits 1, and shows the case, when one breaks a law of the
    clinical model.
    """
    from bot.proof import run as prove
    from bot.runtime.training import checked_catalogue

    checked_catalogue()
    sys.exit(prove())


@kneewise.command(short_help="Find mistakes in the knowledge files.")
def lint() -> None:
    """Find mistakes in the knowledge files.

    They are rows that are shadowed, redundant or can never fire, and phrases that cannot be read.
    Exits 1 when there is one, and names the file and line.
    """
    from bot.clinical.linter import lint as mistakes_in
    from bot.runtime.training import checked_catalogue

    found = mistakes_in(checked_catalogue().knowledge)
    for mistake in found:
        click.echo(str(mistake))
    if found:
        sys.exit(1)
    click.echo("The knowledge files are in order.")


@kneewise.command(
    context_settings={"ignore_unknown_options": True}, add_help_option=False, name="eval"
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def evaluate(arguments: tuple[str, ...]) -> None:
    """Measure how well it understands, over the development cases; writes docs/evaluation.md.

    `kneewise eval --help` lists the options.
    """
    from bot.evaluation.run import main as evaluate_all

    sys.exit(evaluate_all(arguments))


@kneewise.command(
    context_settings={"ignore_unknown_options": True}, add_help_option=False, name="bench"
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure Kneewise beside stock Rasa and a bare echo server.

    Takes many minutes and two processor cores; writes docs/benchmarks.md. `kneewise bench --help`
    lists the options.
    """
    from bench.__main__ import main as measure

    sys.exit(measure(arguments))


@kneewise.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def rasa(arguments: tuple[str, ...]) -> None:
    """Run Rasa's own command line in this environment.

    \b
    Examples:
      kneewise rasa --help
      kneewise rasa data validate
      kneewise rasa shell
      kneewise rasa test                the stories in tests/rasa_stories, and the NLU data
    """
    from bot.runtime.rasa_cli import main as rasa_main

    sys.exit(rasa_main(list(arguments)))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command, and exit with its code.

    Args:
        arguments: as typed after `kneewise`; those of this process when None.
    """
    try:
        sys.exit(kneewise.main(args=arguments, prog_name="kneewise", standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        # Ctrl-C is how one stops it: no trace, and the code that shells use for it.
        click.echo("\nkneewise: stopped.", err=True)
        sys.exit(130)
    except Exception as error:
        # Whatever the command, a mistake in a knowledge file is one line that an editor can follow.
        # Imported only here: `--help` should not wait for the YAML reader.
        from bot.yaml_file import KnowledgeError

        if not isinstance(error, KnowledgeError):
            raise
        place = os.path.relpath(error.path) if error.path.is_relative_to(Path.cwd()) else error.path
        click.echo(f"{place}:{error.line}: {error.problem}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
