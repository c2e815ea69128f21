"""Why bytes are not taken; each names the status that resumable uploads give it."""

from jit_portal.errors import Refused


class WrongOffset(Refused):
    """The bytes do not begin where the last ones ended."""


class TooLong(Refused):
    """More bytes than the file was said to have: it grew, or it is another file."""

    status = 413


class BeingWritten(Refused):
    """Somebody else is sending bytes of this file right now."""

    status = 423


class ChecksumDiffers(Refused):
    """The bytes were damaged on their way; none of them were kept."""

    status = 460


class AnotherFile(Refused):
    """What the sender has is not what the vault holds; nothing was declared."""

    status = 412


class Over(Refused):
    """The upload was cancelled or expired: it cannot go on."""

    status = 410
