"""Kneewise: a rules-based knee triage assistant for runners, on Rasa 3.6."""

__version__ = "0.1.0"
