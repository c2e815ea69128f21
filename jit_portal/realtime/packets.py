"""What arrives by socket before it is an event: texts of a known shape, for the library behind sockets takes more."""

from typing import Any

from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT, Packet

_OF_THE_LIBRARY = ("connect", "disconnect", "*")
"""Names under which the library calls what opens, closes and carries out: an event of that name would do it, too."""


class PlainPacket(Packet):
    """A packet of text; whatever else comes is an event without a name, which the portal does not know.

    Events with bytes in pieces are not taken: the library would hold as many as their sender announces.
    """

    data: Any

    def __init__(self, *given: Any, encoded_packet: str | bytes | None = None, **more: Any) -> None:
        # The library takes nothing at all for a packet that is to be sent.
        super().__init__(*given, encoded_packet=encoded_packet or (None if encoded_packet is None else "-"), **more)

    def decode(self, encoded_packet: str | bytes) -> int:
        self.id = None
        try:
            super().decode(encoded_packet)
        except (ValueError, TypeError, RecursionError):
            self.packet_type = None
        is_event = self.packet_type == EVENT and _is_event(self.data)
        if not is_event and self.packet_type not in (CONNECT, DISCONNECT, ACK):
            self.packet_type, self.namespace, self.data = EVENT, None, [""]
        return 0


def _is_event(data: object) -> bool:
    if not isinstance(data, list) or not data:
        return False
    return isinstance(data[0], str) and data[0] not in _OF_THE_LIBRARY
