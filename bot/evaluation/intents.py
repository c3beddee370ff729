"""How well intents are told apart: cross-validated on the training examples, and CLINC150.

CLINC150 (Larson et al., EMNLP 2019) has 1,000 test sentences that belong to no intent of its own:
everyday requests, none of them about a knee.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasa.shared.importers.importer import TrainingDataImporter
from sklearn.metrics import f1_score  # type: ignore[import-untyped]
from sklearn.model_selection import StratifiedKFold  # type: ignore[import-untyped]

from bot.catalogue import load_catalogue
from bot.evaluation.cases import FRIDAY
from bot.evaluation.figures import Share
from bot.evaluation.talks import Assistant
from bot.nlu.components import intent_line, intent_model
from bot.nlu.intents import settle_intent
from bot.nlu.reading import shared_reader
from bot.settings import PROJECT

_FOLDS = 5
_STARTS_A_TRIAGE = frozenset({"inform", "report_danger"})


@dataclass(frozen=True)
class IntentScore:
    """Cross-validated figures of the intents.

    Attributes:
        examples, intents: how many there are.
        alone: accuracy of the classifier by itself.
        settled: accuracy after the reader has had its word (`bot.nlu.intents`), as in use.
        macro_f1: of the settled intents, each intent counting the same.
        calibration_error: expected calibration error of the classifier, ten bins.
        confusions: (true, taken for) -> how often, most frequent first.
        seconds: to learn one fold.
    """

    examples: int
    intents: int
    alone: Share
    settled: Share
    macro_f1: float
    calibration_error: float
    confusions: tuple[tuple[tuple[str, str], int], ...]
    seconds: float


def training_examples() -> list[tuple[str, str]]:
    """(text, intent) of every training example, the FAQ's phrasings included."""
    importer = TrainingDataImporter.load_from_config(
        str(PROJECT / "config.yml"), str(PROJECT / "domain.yml"), [str(PROJECT / "data" / "nlu")]
    )
    examples = importer.get_nlu_data().intent_examples
    return [(e.get("text"), e.get("intent")) for e in examples if e.get("text")]


def cross_validated(threshold: float) -> IntentScore:
    """Five folds, each intent in every fold."""
    examples = training_examples()
    texts = [text for text, _ in examples]
    truth = np.array([intent for _, intent in examples])
    lines = [intent_line(text) for text in texts]
    guesses = np.empty(len(texts), dtype=object)
    chances = np.zeros(len(texts))
    seconds = 0.0
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=1)
    for learn, test in folds.split(lines, truth):
        begun = time.perf_counter()
        model = intent_model()
        model.fit([lines[i] for i in learn], truth[learn])
        seconds += time.perf_counter() - begun
        for i, row in zip(test, model.predict_proba([lines[i] for i in test]), strict=True):
            guesses[i], chances[i] = model.classes_[row.argmax()], row.max()
    settled = _settled(texts, guesses, chances, threshold)
    wrong = Counter(
        (str(true), taken) for true, taken in zip(truth, settled, strict=True) if true != taken
    )
    return IntentScore(
        examples=len(texts),
        intents=len(set(truth)),
        alone=Share(int((guesses == truth).sum()), len(texts)),
        settled=Share(sum(t == s for t, s in zip(truth, settled, strict=True)), len(texts)),
        macro_f1=float(f1_score(truth, settled, average="macro", zero_division=0)),
        calibration_error=_calibration_error(guesses == truth, chances),
        confusions=tuple(wrong.most_common(15)),
        seconds=seconds / _FOLDS,
    )


def _settled(
    texts: Sequence[str], guesses: Iterable[str], chances: Iterable[float], threshold: float
) -> list[str]:
    reader, knowledge = shared_reader(), load_catalogue().knowledge
    names = []
    for text, guess, chance in zip(texts, guesses, chances, strict=True):
        sure = chance >= threshold
        intent = {
            "name": str(guess) if sure else "nlu_fallback",
            "confidence": float(chance if sure else 1 - chance),
        }
        reading = reader.read(text, FRIDAY)
        names.append(str(settle_intent(intent, reading, knowledge, text)["name"]))
    return names


def _calibration_error(right: NDArray[np.bool_], chances: NDArray[np.float64]) -> float:
    bins = np.minimum((chances * 10).astype(int), 9)
    return float(
        sum(
            abs(right[bins == b].mean() - chances[bins == b].mean()) * (bins == b).mean()
            for b in range(10)
            if (bins == b).any()
        )
    )


@dataclass(frozen=True)
class Foreign:
    """Sentences that have nothing to do with a knee.

    Attributes:
        started: those that start a triage: taken as a description, or as any finding.
        danger: those that raise a danger sign.
    """

    of: int
    started: tuple[str, ...]
    danger: tuple[str, ...]


def foreign_sentences(assistant: Assistant, path: Path) -> Foreign:
    """What the assistant makes of CLINC150's out-of-scope sentences, one a line."""
    sentences = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    started, danger = [], []
    for sentence in sentences:
        parsed = assistant.parse(sentence, FRIDAY)
        found = [e["entity"] for e in parsed["entities"] if e.get("current") and "polarity" in e]
        intent = parsed["intent"]["name"]
        if intent in _STARTS_A_TRIAGE or found:
            started.append(f"{sentence} ({intent}: {', '.join(found) or 'no finding'})")
        if intent == "report_danger":
            danger.append(sentence)
    return Foreign(len(sentences), tuple(started), tuple(danger))
