"""The ways in which a directory's wish can fail beside those of everybody; ``scim_type`` is the word of RFC 7644."""

from jit_portal.errors import Invalid, Refusal, Refused


class UnknownToken(Refusal):
    """Nobody may: the token is missing or wrong, or its time, its use or its login is over."""

    status = 401


class Taken(Refused):
    """Another of the directory's people goes by this already."""

    scim_type = "uniqueness"


class NeverRebound(Invalid):
    """An account stays the subject that it is."""

    status = 400
    scim_type = "mutability"


class Senseless(Invalid):
    """A value that names nobody."""

    status = 400
    scim_type = "invalidValue"


class OneOfMany(Refusal):
    """Too many accounts would close at once, or one with a duty: this one waits until a person has decided."""

    status = 403
