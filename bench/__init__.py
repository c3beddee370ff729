"""Measures Kneewise beside stock Rasa and a bare echo server: `make bench`."""
