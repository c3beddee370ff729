"""How well Kneewise understands people: measured on hand-written cases, reported in docs.

`kneewise eval` runs everything and writes docs/evaluation.md; tests/nlu/test_evaluation.py holds
the thresholds on the reporting split.  The cases stand in tests/cases/vignettes (whole opening
messages) and tests/cases/utterances_dev (single sentences and answers in context).
"""

from bot.runtime import tensorflow_free

# Before anything of Rasa is imported, or TensorFlow would have to be installed.
tensorflow_free.install()

from bot.evaluation.run import main  # noqa: E402  # must come after the line above

__all__ = ["main"]
