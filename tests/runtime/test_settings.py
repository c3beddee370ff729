"""A setting is used as it was meant, or the start stops."""

from __future__ import annotations

import pytest

from bot.settings import Settings, UnusableSetting, known_variables, settings_from


def test_nothing_set_gives_the_defaults() -> None:
    """An empty environment, and empty values, are the defaults."""
    assert settings_from({}) == Settings()
    assert settings_from({"PORT": "", "KNEEWISE_DATABASE": " "}) == Settings()


def test_what_is_set_is_read() -> None:
    """Each value comes as its own type."""
    settings = settings_from(
        {
            "PORT": "8080",
            "HOST": "0.0.0.0",  # noqa: S104
            "KNEEWISE_PUBLIC_URL": "https://knee.example.org/",
            "KNEEWISE_RATE_LIMIT": "off",
            "KNEEWISE_SESSION_DAYS": "30",
            "KNEEWISE_LOG_CONVERSATIONS": "1",
            "KNEEWISE_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2",
        }
    )

    assert (settings.port, settings.session_days) == (8080, 30)
    assert settings.public_url == "https://knee.example.org"
    assert (settings.rate_limit, settings.log_conversations) == (False, True)
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A mistyped name must not pass for the default."""
    with pytest.raises(UnusableSetting) as caught:
        settings_from({"KNEEWISE_RATELIMIT": "off"})

    assert "KNEEWISE_RATELIMIT" in str(caught.value)
    assert "KNEEWISE_RATE_LIMIT" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("KNEEWISE_SESSION_DAYS", "0"),
        ("KNEEWISE_RATE_LIMIT", "maybe"),
        ("KNEEWISE_DATABASE", "kneewise.db"),
        ("KNEEWISE_PUBLIC_URL", "knee.example.org"),
        ("KNEEWISE_PUBLIC_URL", "https://knee.example.org/?a=b"),
    ],
)
def test_an_unusable_value_is_named(variable: str, value: str) -> None:
    """The message says which setting and what it was."""
    with pytest.raises(UnusableSetting, match=variable) as caught:
        settings_from({variable: value})

    assert value in str(caught.value)


def test_every_variable_says_what_it_is_for() -> None:
    """The list for the documentation is complete."""
    assert all(known_variables().values())
    assert {"PORT", "HOST", "KNEEWISE_DATABASE"} <= set(known_variables())
