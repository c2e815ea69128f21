"""What channels are called in the reader's language."""

from jit_portal.messages.models import Channel
from jit_portal.wording import gettext


def channel_name(channel: Channel) -> str:
    """Its own name, or what the channel that a workspace opens with is called."""
    return channel.own_name or gettext("everyone")
