"""The field's words, once: what is stored, what is shown and what the policy speaks of."""

from enum import IntEnum, StrEnum


class PartyKind(StrEnum):
    MEMBER_STATE = "member_state"
    THIRD_COUNTRY = "third_country"
    EU_BODY = "eu_body"
    INTERNATIONAL_JUDICIAL = "international_judicial"


STATES = (PartyKind.MEMBER_STATE, PartyKind.THIRD_COUNTRY)
OUTSIDE_UNION = (PartyKind.THIRD_COUNTRY, PartyKind.INTERNATIONAL_JUDICIAL)
BODIES = (PartyKind.EU_BODY, PartyKind.INTERNATIONAL_JUDICIAL)


class Role(StrEnum):
    LEADER = "leader"
    MEMBER = "member"
    SECONDED_MEMBER = "seconded_member"
    PARTICIPANT = "participant"
    EXPERT = "expert"
    SECRETARIAT = "secretariat"
    AUDITOR = "auditor"


INVESTIGATORS = (Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER)


class Duty(StrEnum):
    """What a person does for the installation or a country, outside every JIT."""

    OPERATOR = "operator"
    NATIONAL_ADMINISTRATOR = "national_administrator"


class Assurance(IntEnum):
    """eIDAS assurance of a login."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


class Speaks(StrEnum):
    """The protocol of a national login: OpenID Connect, or SAML 2.0 where a country has nothing else."""

    OIDC = "oidc"
    SAML = "saml"


class ClientAuthentication(StrEnum):
    """How the portal proves to a national login who it is: by its own key, or by a secret that both know."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 (the name of a method)
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 (same)


class AssuranceAsked(StrEnum):
    """How a national login is asked for a strong sign-in."""

    ACR_VALUES = "acr_values"
    ACR_MINIMUM = "acr_minimum"
    CLAIMS = "claims"
    NOT_ASKED = "not_asked"


class UserinfoForm(StrEnum):
    """How a national login says more of a person: plainly, or under its signature."""

    JSON = "json"
    JWT = "jwt"


class Sight(IntEnum):
    """How far a person sees an exhibit; each includes those below it."""

    SEE = 1
    READ = 2
    DOWNLOAD = 3
    USE = 4


class May(StrEnum):
    """What may be done with a thing; ``SEE`` is the right to know that it exists."""

    SEE = "see"
    READ = "read"
    DOWNLOAD = "download"
    USE = "use"
    # exhibits
    UPLOAD = "upload"
    DESCRIBE = "describe"
    RECLASSIFY = "reclassify"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    HAND_OVER = "hand_over"
    ACCEPT = "accept"
    DECLINE = "decline"
    TAKE_BACK = "take_back"
    SEE_AUDIENCE = "see_audience"
    # parties
    SET_RULES = "set_rules"
    ENTRUST = "entrust"
    INVITE = "invite"
    # JITs and workspaces
    AMEND = "amend"
    SIGN = "sign"
    END_MEMBERSHIP = "end_membership"
    READ_RECORD = "read_record"
    EXPORT_RECORD = "export_record"
    # channels and messages
    POST = "post"
    EDIT = "edit"
    OPEN_CHANNEL = "open_channel"
    # boards and tasks
    CREATE_TASK = "create_task"
    MOVE = "move"
    ASSIGN = "assign"
    TAKE = "take"
    GIVE_BACK = "give_back"
    ANSWER = "answer"
    DELETE = "delete"
    OPEN_BOARD = "open_board"
    # people
    END_LOGINS = "end_logins"
    END_OWN_LOGIN = "end_own_login"
    ACCEPT_CLAIMS = "accept_claims"
    CONFIRM = "confirm"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    APPOINT = "appoint"
    DECIDE_CLOSING = "decide_closing"
    KEEP_REGISTER = "keep_register"


class Purpose(StrEnum):
    """What a release allows the information to be used for (Article 13(10) of the 2000 Convention)."""

    JIT_PURPOSE = "jit_purpose"
    OTHER_OFFENCE = "other_offence_with_prior_consent"
    PUBLIC_SECURITY = "public_security"
    OTHERWISE_AGREED = "otherwise_agreed"


class HandlingCode(StrEnum):
    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class ExhibitKind(StrEnum):
    DOCUMENT = "document"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    SPREADSHEET = "spreadsheet"
    MAILBOX = "mailbox"
    ARCHIVE = "archive"
    DISK_IMAGE = "disk_image"
    EXTRACTION = "extraction"
    DATA = "data"


class Integrity(StrEnum):
    """How far the bytes in the vault are known to be the bytes that were sent."""

    RECEIVING = "receiving"
    CHECKING = "checking"
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    CANCELLED = "cancelled"


class CustodyStep(StrEnum):
    RECEIVED = "received"
    HANDED_OVER = "handed_over"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"


class PrincipalKind(StrEnum):
    """Whom a release or a country rule can name."""

    PARTY = "party"
    AUTHORITY = "authority"
    ROLE = "role"
    PERSON = "person"


class Audience(StrEnum):
    """Who is in a channel or sees a board."""

    EVERYONE = "everyone"
    PARTIES = "parties"
    PEOPLE = "people"


class ColumnKind(StrEnum):
    TODO = "todo"
    DOING = "doing"
    PARTNER = "partner"
    DONE = "done"


class TaskAct(StrEnum):
    """What a change did to a task."""

    CREATED = "created"
    EDITED = "edited"
    MOVED = "moved"
    ASSIGNED = "assigned"
    TAKEN = "taken"
    GIVEN_BACK = "given_back"
    ASKED = "asked"
    UNASKED = "unasked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DELETED = "deleted"


class AgreementState(StrEnum):
    DRAFT = "draft"
    SIGNED = "signed"
    ABANDONED = "abandoned"


class AgreementDuty(StrEnum):
    """What the agreement names a person for."""

    LEADER = "leader"
    SPACE_ADMINISTRATOR = "space_administrator"
    CONTROLLER = "controller"


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"


class NoticeKind(StrEnum):
    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    ASKED = "asked"
    RELEASED = "released"
    ENTRUSTED = "entrusted"
    ENTRUSTING_ENDED = "entrusting_ended"
    HANDED_OVER = "handed_over"
    TAKEN_BACK = "taken_back"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ASK_ACCEPTED = "ask_accepted"
    ASK_DECLINED = "ask_declined"
    INVITED = "invited"
    SIGNED_IN_NEWLY = "signed_in_newly"
    STRAYED = "strayed"
    FLAGGED = "flagged"
    CLOSINGS_WAIT = "closings_wait"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_COPIED = "passkey_copied"
    GLASS_BROKEN = "glass_broken"


class NoticeTopic(StrEnum):
    """What notices are about, where their reader chooses how they reach her."""

    MENTIONS = "mentions"
    TASKS = "tasks"
    EVIDENCE = "evidence"


class NoticeWay(StrEnum):
    """How a notice reaches its reader."""

    POP_UP = "pop_up"
    COUNT = "count"
    LIST = "list"


class GlassStep(StrEnum):
    """What a security key of a break-glass account is asked for."""

    ENROLMENT = "enrolment"
    FIRST = "first"
    SECOND = "second"
