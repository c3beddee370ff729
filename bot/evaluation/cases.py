"""The development cases, read from their YAML files.

Each case belongs to one split: `tune` may be looked at while the language understanding is
improved, `report` is only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bot.settings import PROJECT

VIGNETTES = PROJECT / "tests" / "cases" / "vignettes"
UTTERANCES = PROJECT / "tests" / "cases" / "utterances_dev"
SPLITS = ("tune", "report")
FRIDAY = date(2026, 11, 20)
"""The day a message is written on, where its case does not say."""


class UnusableCase(ValueError):
    """A case lacks something or holds something unknown; the message names file and case."""


@dataclass(frozen=True)
class Vignette:
    """One person: an opening message, what it says, and the true answers to all questions.

    Attributes:
        states: finding -> value as the message says it; a sign is present or absent.
        not_stated: findings that a careless reader would take as there.
        optional: finding -> value that may be read, but need not.
        rest: question -> the person's true answer, in wire form.
        disposition: worked out by hand from the clinical model.
    """

    id: str
    split: str
    text: str
    today: date
    states: Mapping[str, Any]
    not_stated: tuple[str, ...]
    optional: Mapping[str, Any]
    rest: Mapping[str, Any]
    disposition: str


@dataclass(frozen=True)
class Utterance:
    """One sentence, or an answer to an open question.

    Attributes:
        none_of: findings that must not be taken as there.
        open_question, answer: the question it answers, and the answer in wire form.
    """

    split: str
    text: str
    today: date
    states: Mapping[str, Any] = field(default_factory=dict)
    none_of: tuple[str, ...] = ()
    optional: Mapping[str, Any] = field(default_factory=dict)
    open_question: str | None = None
    answer: Any = None


def vignettes(split: str | None = None) -> list[Vignette]:
    """The vignettes, of one split or all.

    Raises:
        UnusableCase: a case cannot be read.
    """
    found = [
        _made(
            path,
            item,
            lambda item: Vignette(
                id=item["id"],
                split=item["split"],
                text=str(item["text"]).strip(),
                today=_day(item.get("today", FRIDAY)),
                states=item["states"],
                not_stated=tuple(item.get("not_stated", ())),
                optional=item.get("optional", {}),
                rest=item["rest"],
                disposition=item["disposition"],
            ),
        )
        for path, item in _items(VIGNETTES)
    ]
    return [case for case in found if split in (None, case.split)]


def utterances(split: str | None = None) -> list[Utterance]:
    """The single utterances, of one split or all.

    Raises:
        UnusableCase: a case cannot be read.
    """
    found = [
        _made(
            path,
            item,
            lambda item: Utterance(
                split=item["split"],
                text=str(item["text"]),
                today=_day(item.get("today", FRIDAY)),
                states=item.get("states") or {},
                none_of=tuple(item.get("none_of") or ()),
                optional=item.get("optional") or {},
                open_question=item.get("open_question"),
                answer=item.get("answer"),
            ),
        )
        for path, item in _items(UTTERANCES)
    ]
    return [case for case in found if split in (None, case.split)]


def _items(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob("*.yaml")):
        for item in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
            yield path, item


def _day(written: date | str) -> date:
    return date.fromisoformat(written) if isinstance(written, str) else written


def _made(path: Path, item: dict[str, Any], make: Any) -> Any:
    try:
        case = make(item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = item.get("id") or item.get("text") if isinstance(item, dict) else item
        raise UnusableCase(f"{path.name}, {name!r}: {error!r}") from error
    if case.split not in SPLITS:
        raise UnusableCase(f"{path.name}, {case.text[:40]!r}: no split {case.split!r}")
    return case
