"""The channel's options, from credentials.yml and from the environment."""

from __future__ import annotations

from typing import Any

import pytest
from sanic import Sanic

from bot.channels.web import WebChannel
from bot.settings import Settings, UnusableSetting


def test_no_options_means_the_usual_limits() -> None:
    """An empty block in credentials.yml is None."""
    assert WebChannel.from_credentials(None).name() == "web"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit": {}}, "limit"),
        ({"limits": {"person": "1/hour"}}, "person"),
        ({"limits": {"session": "many"}}, "many"),
        ({"limits": ["session"]}, "WebChannel"),
    ],
)
def test_options_that_cannot_be_used_stop_the_start(options: dict[str, Any], says: str) -> None:
    """With a sentence, not a trace."""
    with pytest.raises(UnusableSetting, match=says):
        WebChannel.from_credentials(options)


def test_a_proxy_that_is_no_address_stops_the_start() -> None:
    """It must not pass for no proxy."""
    app = Sanic("a_wrong_proxy", configure_logging=False)
    app.ctx.settings = Settings(trusted_proxies=("proxy.local",))
    with pytest.raises(UnusableSetting, match="KNEEWISE_TRUSTED_PROXIES"):
        app.blueprint(WebChannel().blueprint(lambda message: message))
