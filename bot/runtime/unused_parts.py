"""What the server never uses of Rasa is not imported.

`rasa.core.channels` imports every channel that Rasa brings, with the libraries of Telegram, Slack,
Twilio, Webex and others, and `rasa.core.tracker_store` imports the clients of DynamoDB and MongoDB.
The server has its own channels and its own store: with stand-ins (see `tensorflow_free`) it starts
about 1 s sooner and is 35 MB smaller. `kneewise rasa` does without them, since `rasa shell` needs
the channel of the terminal.
"""

from __future__ import annotations

from bot.runtime.tensorflow_free import serve_stand_ins

CHANNELS = (
    "botframework",
    "callback",
    "console",
    "facebook",
    "hangouts",
    "mattermost",
    "rasa_chat",
    "rest",
    "rocketchat",
    "slack",
    "socketio",
    "telegram",
    "twilio",
    "twilio_voice",
    "webexteams",
)
"""Every channel that `rasa.core.channels` imports."""

STORES = frozenset(
    {
        "boto3",
        "boto3.dynamodb",
        "boto3.dynamodb.conditions",
        "pymongo",
        "pymongo.collection",
    }
)


def install() -> None:
    """Serve stand-ins from now on; must run before the first `import rasa`."""
    serve_stand_ins(frozenset(f"rasa.core.channels.{name}" for name in CHANNELS) | STORES)
