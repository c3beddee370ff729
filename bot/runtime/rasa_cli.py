"""Rasa's own command line with our patches: `kneewise rasa shell`, `train`, `test`, ...

Each works as a Rasa developer knows it, without TensorFlow, with the actions in the same process,
the same stores as the server (endpoints.yml names both), and nothing reported to anyone.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

STORIES: Final = "tests/rasa_stories"
"""What `kneewise rasa test` plays; Rasa's own default, all of `tests`, holds no test stories."""

# Rasa sees no NLU examples of these, because nobody types them: see domain.yml.
_NEVER_TYPED: Final = ("answer", "report_danger", "start_session")
# Rasa knows only of responses that a rule utters; ours are uttered by actions.
_NO_RULE: Final = re.compile(r"The utterance '(\w+)' is not used in any story or rule")
_BY_DESIGN: Final = re.compile(
    rf"The intent '({'|'.join(_NEVER_TYPED)})' is listed in the domain file, but is not found"
    # Rasa plots a confusion matrix of a single cell when nothing was confused.
    "|Attempting to set identical"
)


def with_own_stories(arguments: Sequence[str]) -> list[str]:
    """The arguments of Rasa, with our own test stories when `test` is told none."""
    told = any(re.match(r"-s|--st", argument) for argument in arguments)
    if arguments[:1] != ["test"] or "nlu" in arguments or told or not Path(STORIES).is_dir():
        return list(arguments)
    return [*arguments, "--stories", STORIES]


def _said_by_an_action(response: str) -> bool:
    """Whether the actions name `utter_<what>`, or make that name of a known intent or problem."""
    what = response.removeprefix("utter_")
    for file in (*Path("actions").glob("*.py"), Path("bot/nlu/answers.py")):
        if file.exists() and re.search(rf'"(utter_)?{what}"', file.read_text("utf-8")):
            return True
    return what in yaml.safe_load(Path("domain.yml").read_text("utf-8"))["intents"]


def _worth_telling(message: str, category: type[Warning], filename: str) -> bool:
    """False for what a library tells its own developers, and for what our design brings about."""
    if issubclass(category, (DeprecationWarning, FutureWarning)) and "site-packages" in filename:
        return False
    response = _NO_RULE.match(message)
    if response:
        return not _said_by_an_action(response[1])
    return not _BY_DESIGN.match(message)


def _quieten_warnings() -> None:
    """Filter where warnings are shown: Rasa and others put up filters of their own in front."""
    show = warnings.showwarning

    def show_if_worth(
        message: Warning | str, category: type[Warning], filename: str, *rest: Any, **more: Any
    ) -> None:
        if _worth_telling(str(message), category, filename):
            show(message, category, filename, *rest, **more)

    warnings.showwarning = show_if_worth


def main(arguments: Sequence[str]) -> int:
    """Run Rasa with these arguments, as typed after `rasa`; returns its exit code.

    Raises:
        KnowledgeError: a mistake in the knowledge files.
    """
    from bot.runtime import tensorflow_free

    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    _quieten_warnings()
    tensorflow_free.install()
    # Rasa's own script makes the modules of the project importable in the same way.
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = ["rasa", *with_own_stories(arguments)]

    from bot.runtime.agent import install_patches

    install_patches()

    from rasa.__main__ import main as rasa_main

    try:
        rasa_main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
