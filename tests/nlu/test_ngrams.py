"""The text models read out of scikit-learn give scikit-learn's own results."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.nlu.ngrams import LinearClassifier, Neighbours, Tfidf
from bot.runtime import tensorflow_free

tensorflow_free.install()

from bot.nlu.components import intent_model  # noqa: E402  # imports Rasa, which needs the stand-ins

LINES = [
    "my knee is sore",
    "it hurts when i run",
    "yes",
    "no thanks",
    "start over please",
    "why is that",
]
INTENTS = ["inform", "inform", "affirm", "deny", "start_over", "why"]
UNSEEN = ["my knee hurts", "start start start", "zzz", "ünïcode ✓", "a", "no no no why"]


@pytest.mark.parametrize("text", [*LINES, *UNSEEN])
def test_chances_are_those_of_the_pipeline(text: str) -> None:
    """The probability of every class is the same to the tenth digit."""
    pipeline = intent_model().fit(LINES, INTENTS)
    ours = LinearClassifier(pipeline)
    assert ours.classes == list(pipeline.classes_)
    np.testing.assert_allclose(ours.chances(text), pipeline.predict_proba([text])[0], atol=1e-10)


@pytest.mark.parametrize("text", [*LINES, *UNSEEN])
def test_the_nearest_text_is_that_of_the_matrix_product(text: str) -> None:
    """Cosines are those of the sparse product, also for a text without a known n-gram."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
    matrix = vectorizer.fit_transform(LINES)
    cosines = (matrix @ vectorizer.transform([text]).T).toarray()[:, 0]
    place, cosine = Neighbours(vectorizer, LINES).nearest(text)
    assert cosine == pytest.approx(cosines.max())
    assert cosines[place] == pytest.approx(cosines.max())


def test_other_models_are_refused() -> None:
    """A vectoriser that weighs in another way is not read out wrongly but refused."""
    with pytest.raises(ValueError, match="TF-IDF"):
        Tfidf(TfidfVectorizer(norm=None).fit(LINES))
