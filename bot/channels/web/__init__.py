"""The web channel: the HTTP API under /api/v1 and the plain chat page at /."""

from bot.channels.web.channel import WebChannel

__all__ = ["WebChannel"]
