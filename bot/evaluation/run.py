"""Runs the evaluation and writes its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import mean

import click

from bot.catalogue import load_catalogue
from bot.clinical.model import Knowledge
from bot.evaluation.answers import AnswerScore, score_answers
from bot.evaluation.cases import SPLITS, Vignette, utterances, vignettes
from bot.evaluation.figures import Share, Tally
from bot.evaluation.findings import POLARITIES, FindingScore, score
from bot.evaluation.intents import Foreign, IntentScore, cross_validated, foreign_sentences
from bot.evaluation.perturbations import KINDS, perturbed
from bot.evaluation.talks import Assistant, Interview, interview
from bot.nlu.reading import shared_reader
from bot.settings import PROJECT

PAGE = PROJECT / "docs" / "evaluation.md"
CLINC = PROJECT.parent / "shared" / "data" / "clinc150_oos_test.txt"
THRESHOLD = 0.3
"""The classifier's own, from config.yml; tests/nlu/test_evaluation.py holds them equal."""

_PREFACE = """\
The cases stand in `tests/cases/vignettes` (whole opening messages with every true answer) and
`tests/cases/utterances_dev` (sentences and answers). `tune` cases may be looked at while the
words and rules are improved; `report` cases are only counted. Shares come with their 95 % Wilson
interval."""

_EMERGENCY = 6
_LONG_OPENING = 20


@dataclass
class Interviews:
    """The interviews of a set of vignettes, held from the same or from changed openings."""

    held: list[tuple[Vignette, Interview]] = field(default_factory=list)

    def _share(self, those: Iterable[bool]) -> Share:
        found = list(those)
        return Share(sum(found), len(found))

    @property
    def exact(self) -> Share:
        return self._share(i.level == i.true_level for _, i in self.held)

    @property
    def under(self) -> Share:
        return self._share(i.level < i.true_level for _, i in self.held)

    @property
    def over(self) -> Share:
        return self._share(i.level > i.true_level for _, i in self.held)

    @property
    def emergencies_missed(self) -> Share:
        return self._share(i.level < _EMERGENCY for _, i in self.held if i.true_level >= _EMERGENCY)

    @property
    def emergencies_at_once(self) -> Share:
        """Emergencies that the opening message alone leads to, before any list is ticked."""
        return self._share(
            i.at_once >= _EMERGENCY for _, i in self.held if i.true_level >= _EMERGENCY
        )

    @property
    def nothing_again(self) -> Share:
        return self._share(not i.again for _, i in self.held)

    @property
    def questions(self) -> float:
        """On average, after an opening of 20 words or more."""
        counts = [len(i.asked) for v, i in self.held if len(v.text.split()) >= _LONG_OPENING]
        return mean(counts) if counts else 0.0

    def __add__(self, other: Interviews) -> Interviews:
        return Interviews([*self.held, *other.held])


def hold(assistant: Assistant, cases: Sequence[Vignette]) -> Interviews:
    """One interview with each person."""
    return Interviews([(case, interview(assistant, case)) for case in cases])


def hold_perturbed(assistant: Assistant, cases: Sequence[Vignette]) -> dict[str, Interviews]:
    """Each person again, the opening typed otherwise: kind of change -> interviews."""
    faqs = [p for topic in load_catalogue().faq.values() for p in topic.phrasings]
    return {
        kind: Interviews(
            [
                (case, interview(assistant, case, perturbed(kind, case.text, case.id, faqs)))
                for case in cases
            ]
        )
        for kind in KINDS
    }


@dataclass
class Evaluation:
    """Everything that is measured; splits by name."""

    findings: Mapping[str, FindingScore]
    answers: Mapping[str, AnswerScore]
    interviews: Mapping[str, Interviews]
    perturbed: Mapping[str, Mapping[str, Interviews]]
    intents: IntentScore
    foreign: Foreign | None


def measure(assistant: Assistant, clinc: Path) -> Evaluation:
    """All of it; a line is printed where a part must be left out."""
    knowledge = load_catalogue().knowledge
    reader = shared_reader()
    by_split = {split: vignettes(split) for split in SPLITS}
    foreign = None
    if clinc.exists():
        foreign = foreign_sentences(assistant, clinc)
    else:
        click.echo(f"CLINC150 is left out: there is no {clinc.name} (choose one with --clinc)")
    return Evaluation(
        findings={
            s: score(
                [*by_split[s], *(u for u in utterances(s) if u.open_question is None)],
                reader,
                knowledge,
            )
            for s in SPLITS
        },
        answers={s: score_answers(assistant, utterances(s)) for s in SPLITS},
        interviews={s: hold(assistant, by_split[s]) for s in SPLITS},
        perturbed={s: hold_perturbed(assistant, by_split[s]) for s in SPLITS},
        intents=cross_validated(THRESHOLD),
        foreign=foreign,
    )


@click.command(name="kneewise eval")
@click.option(
    "--clinc", type=click.Path(path_type=Path), default=CLINC, help="CLINC150, a line each"
)
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, help="Where to write it.")
def _command(clinc: Path, page: Path) -> None:
    """Measure how well people are understood, and write docs/evaluation.md."""
    with Assistant() as assistant:
        evaluation = measure(assistant, clinc)
    text = written(evaluation, load_catalogue().knowledge, date.today())  # noqa: DTZ011  # a date on a page
    page.write_text(text, encoding="utf-8")
    click.echo(text.split("<!-- tables -->")[0].strip())
    click.echo(f"\nThe whole report: {page}")


def main(arguments: Sequence[str] | None = None) -> int:
    """`kneewise eval`; 0 when the page was written."""
    result: object = _command.main(arguments, standalone_mode=False)
    return result if isinstance(result, int) else 0


# The page


def written(evaluation: Evaluation, knowledge: Knowledge, today: date) -> str:
    """docs/evaluation.md."""
    parts = [
        "# How well people are understood",
        "",
        f"Written by `kneewise eval` on {today:%d %B %Y}. Do not edit it by hand.",
        "",
        _PREFACE,
        "",
        *_overview(evaluation),
        "",
        "<!-- tables -->",
        *_dispositions(evaluation, knowledge),
        *_perturbations(evaluation),
        *_findings(evaluation),
        *_answers(evaluation),
        *_intents(evaluation.intents),
        *_foreign(evaluation.foreign),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        "",
    ]


def _f(tally: Tally) -> str:
    return f"{tally.f1:.3f} (P {tally.precision:.3f}, R {tally.recall:.3f})"


def _overview(evaluation: Evaluation) -> list[str]:
    def row(name: str, figures: Mapping[str, object]) -> list[object]:
        return [name, *(figures[split] for split in SPLITS)]

    talks, findings = evaluation.interviews, evaluation.findings
    again = {s: sum(evaluation.perturbed[s].values(), Interviews()) for s in SPLITS}
    return _table(
        ["what", *SPLITS],
        [
            row("vignettes", {s: len(talks[s].held) for s in SPLITS}),
            row("emergencies missed", {s: talks[s].emergencies_missed for s in SPLITS}),
            row(
                "emergencies seen in the opening alone",
                {s: talks[s].emergencies_at_once for s in SPLITS},
            ),
            row("exact disposition", {s: talks[s].exact for s in SPLITS}),
            row("under-triage", {s: talks[s].under for s in SPLITS}),
            row("over-triage", {s: talks[s].over for s in SPLITS}),
            row(
                "typed otherwise: emergencies missed",
                {s: again[s].emergencies_missed for s in SPLITS},
            ),
            row("typed otherwise: exact", {s: again[s].exact for s in SPLITS}),
            row("typed otherwise: under-triage", {s: again[s].under for s in SPLITS}),
            row(
                "questions after 20 words or more",
                {s: f"{talks[s].questions:.1f} on average" for s in SPLITS},
            ),
            row("nothing said is asked again", {s: talks[s].nothing_again for s in SPLITS}),
            row("findings, F1 with the value", {s: _f(findings[s].overall) for s in SPLITS}),
            row("findings, F1 by polarity alone", {s: _f(findings[s].kinds_aside) for s in SPLITS}),
            row("denied, taken as there", {s: findings[s].denied_taken for s in SPLITS}),
            row(
                "past, imagined or others', taken as there",
                {s: findings[s].set_aside_taken for s in SPLITS},
            ),
            row("danger signs said, raised", {s: findings[s].danger for s in SPLITS}),
            row("answers in context, right", {s: evaluation.answers[s].right for s in SPLITS}),
            row("answers in context, wrong", {s: evaluation.answers[s].wrong for s in SPLITS}),
        ],
    )  # fmt: skip


def _dispositions(evaluation: Evaluation, knowledge: Knowledge) -> list[str]:
    names = sorted(knowledge.dispositions, key=knowledge.level)
    lines = ["## Dispositions: true (rows) against given (columns)", ""]
    for split in SPLITS:
        counts = Counter((i.true_level, i.level) for _, i in evaluation.interviews[split].held)
        lines += [f"Split `{split}`:", ""]
        lines += _table(
            ["", *names],
            [
                [f"`{name}`", *(counts[row, column] or "" for column in range(len(names)))]
                for row, name in enumerate(names)
            ],
        )
    return lines


def _perturbations(evaluation: Evaluation) -> list[str]:
    lines = ["## The same messages typed otherwise", ""]
    for split in SPLITS:
        lines += [f"Split `{split}`:", ""]
        lines += _table(
            ["change", "emergencies missed", "exact", "under-triage", "over-triage"],
            [
                [kind, talks.emergencies_missed, talks.exact, talks.under, talks.over]
                for kind, talks in evaluation.perturbed[split].items()
            ],
        )
    return lines


def _findings(evaluation: Evaluation) -> list[str]:
    lines = [
        "## Findings",
        "",
        "A finding counts as found when polarity and value are right.",
        "",
    ]
    for split in SPLITS:
        scored = evaluation.findings[split]
        lines += [f"Split `{split}`:", ""]
        lines += _table(
            ["polarity", "precision", "recall", "F1", "said"],
            [[p, *_cells(scored.by_polarity[p])] for p in POLARITIES],
        )
        lines += _table(
            ["finding", "precision", "recall", "F1", "said"],
            [[f"`{f}`", *_cells(t)] for f, t in sorted(scored.by_finding.items())],
        )
    return lines


def _cells(tally: Tally) -> list[str]:
    return [
        f"{tally.precision:.3f}",
        f"{tally.recall:.3f}",
        f"{tally.f1:.3f}",
        str(tally.hits + tally.missed),
    ]


def _answers(evaluation: Evaluation) -> list[str]:
    lines = ["## Answers in context", ""]
    lines += _table(
        ["split", "right", "not understood, asked again", "wrong"],
        [
            [s, evaluation.answers[s].right, evaluation.answers[s].asked_again,
             evaluation.answers[s].wrong]
            for s in SPLITS
        ],
    )  # fmt: skip
    return lines


def _intents(intents: IntentScore) -> list[str]:
    return [
        "## Intents, cross-validated",
        "",
        (
            f"{intents.examples} examples of {intents.intents} intents, five folds, "
            f"{intents.seconds:.1f} s to learn one."
        ),
        "",
        *_table(
            ["figure", "value"],
            [
                ["accuracy of the classifier alone", intents.alone],
                ["accuracy with the reader's word, as in use", intents.settled],
                ["macro F1, as in use", f"{intents.macro_f1:.3f}"],
                ["expected calibration error", f"{intents.calibration_error:.3f}"],
            ],
        ),
        "Most often confused:",
        "",
        *_table(
            ["true", "taken for", "times"],
            [[true, taken, times] for (true, taken), times in intents.confusions],
        ),
    ]


def _foreign(foreign: Foreign | None) -> list[str]:
    if foreign is None:
        return ["## Sentences about anything else (CLINC150)", "", "Not measured this time."]
    return [
        "## Sentences about anything else (CLINC150)",
        "",
        (
            f"{Share(len(foreign.started), foreign.of)} start a triage, "
            f"{Share(len(foreign.danger), foreign.of)} raise a danger sign."
        ),
        "",
        *(f"- {sentence}" for sentence in foreign.started),
    ]
