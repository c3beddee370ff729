"""Fitted scikit-learn text models, read out for one message at a time.

scikit-learn builds a sparse matrix for every vectoriser and every message, and runs a union of
them through joblib: 1.4 ms for a classification that is a few hundred additions.  Here the
vocabulary and the weights are taken out of the fitted objects once; a message then costs a
dictionary lookup for each of its n-grams and one product.  The results are scikit-learn's own
(tests/nlu/test_ngrams.py compares them).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Tfidf:
    """A fitted `TfidfVectorizer`: from a text to the indices and weights of its known n-grams."""

    def __init__(self, vectorizer: Any) -> None:
        self._analyse: Callable[[str], Sequence[str]] = vectorizer.build_analyzer()
        self._index: dict[str, int] = vectorizer.vocabulary_
        self._idf: Floats = vectorizer.idf_
        self._sublinear: bool = vectorizer.sublinear_tf
        self.size = len(self._index)
        if vectorizer.norm != "l2" or not vectorizer.use_idf:
            raise ValueError("only L2-normalised TF-IDF is read out")

    def weigh(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """The n-grams that the vocabulary knows, as indices, and their weights of length 1."""
        counts = Counter(
            index for gram in self._analyse(text) if (index := self._index.get(gram)) is not None
        )
        indices = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        if self._sublinear:
            frequencies = [1.0 + math.log(count) for count in counts.values()]
        else:
            frequencies = [float(count) for count in counts.values()]
        weights: Floats = np.array(frequencies) * self._idf[indices]
        length = float(np.sqrt(weights @ weights))
        return indices, weights / length if length else weights


class LinearClassifier:
    """A fitted pipeline of a union of TF-IDF vectorisers and a multinomial logistic regression.

    Attributes:
        classes: the names, in the order of `chances`.
    """

    def __init__(self, pipeline: Any) -> None:
        union, regression = (step for _, step in pipeline.steps)
        self._parts = [Tfidf(vectorizer) for _, vectorizer in union.transformer_list]
        self.classes = [str(name) for name in regression.classes_]
        self._intercept: Floats = regression.intercept_
        # One row for each n-gram, so that a message's rows are read in one go.
        self._rows: Floats = np.ascontiguousarray(regression.coef_.T)
        if union.transformer_weights or len(self.classes) < 3:
            raise ValueError("only an unweighted union and three or more classes are read out")

    def chances(self, text: str) -> Floats:
        """The probability of each class; they add up to 1."""
        scores = self._intercept.copy()
        offset = 0
        for part in self._parts:
            indices, weights = part.weigh(text)
            scores += weights @ self._rows[indices + offset]
            offset += part.size
        raised = np.exp(scores - scores.max())
        chances: Floats = raised / raised.sum()
        return chances


class Neighbours:
    """Texts that a message is compared with, by the cosine of their TF-IDF vectors."""

    def __init__(self, vectorizer: Any, texts: Sequence[str]) -> None:
        self._tfidf = Tfidf(vectorizer)
        self._rows: Floats = np.zeros((self._tfidf.size, len(texts)))
        for column, text in enumerate(texts):
            indices, weights = self._tfidf.weigh(text)
            self._rows[indices, column] = weights

    def nearest(self, text: str) -> tuple[int, float]:
        """The place of the nearest text, and its cosine from 0 to 1."""
        indices, weights = self._tfidf.weigh(text)
        similarities = weights @ self._rows[indices]
        best = int(similarities.argmax())
        return best, float(similarities[best])
