"""What the test of a login found, in plain words: what was looked at, what came of it, and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from jit_portal.identity.checking.findings import OF_A_SIGN_IN, Check
from jit_portal.identity.protocols import LACKS
from jit_portal.identity.provider_words import LEVELS
from jit_portal.vocabulary import Assurance

TITLES = {
    Check.HOSTS: _("Hosts"),
    Check.MATERIAL: _("The portal's own proof"),
    Check.PINNED: _("The pinned metadata"),
    Check.DISCOVERY: _("What it publishes"),
    Check.ISSUER: _("Issuer"),
    Check.ENDPOINTS: _("Its addresses"),
    Check.ALGORITHMS: _("Signatures"),
    Check.PKCE: _("PKCE"),
    Check.PAR: _("Request sent ahead (PAR)"),
    Check.ANSWERS: _("Name in its answers (RFC 9207)"),
    Check.METHOD: _("How the portal proves itself"),
    Check.ASSURANCE: _("Words for assurance"),
    Check.SIGN_OUT: _("Ways to sign out"),
    Check.KEYS: _("Keys"),
    Check.SIGN_IN: _("The answer"),
    Check.CLAIMS: _("What it says of a person"),
    Check.LEVEL: _("Assurance"),
    Check.AUTHORITY: _("Authority"),
    Check.PROVED: _("Proof given anew"),
    Check.LEFT: _("Signing out from here"),
    Check.TOLD: _("Signing out there"),
}
_AWAY = {
    "away": _("It does not answer in a way that makes sense (%(detail)s). Ask whoever runs it."),
    "certificate": _("Its certificate is not trusted by this server. Ask whoever runs it for the right certificate."),
    "down": _("Nobody answers there. Check the address for slips, and whether this server may reach it."),
    "no_json": _("It answers with something that is not JSON, such as a web page. Check the issuer's address."),
    "no_keys": _("What it publishes as its keys are not keys. Ask whoever runs it."),
    "redirects": _("It sends the portal on to %(to)s, and the portal follows nobody. Enter the address it sends to."),
    "senseless": _("It answers with something that makes no sense there. Check the issuer's address."),
    "slow": _("It did not answer within five seconds. Try again; if it stays so, ask whoever runs it."),
    "status": _("It answers with an error (status %(status)s). Check the issuer's address."),
    "unpinned": _("That address is at a host that the row does not name, so it was not asked. Check the row's hosts."),
    "unreadable": _("Its answer was too long, too slow or broke off. Ask whoever runs it."),
}
WHYS = {
    **_AWAY,
    "before": _("Not tried, because of what went wrong before."),
    "unsaid": _("It does not say. The sign-in below shows whether it works."),
    "hosts": _("Nothing is asked of any but %(hosts)s."),
    "no_secret": _("The secret named %(name)s cannot be read (%(detail)s). Put it into the server's file of secrets."),
    **{f"lacks_{word}": text for word, text in LACKS.items()},
    "own_rsa": _("The portal signs with its own key, whose certificate the login must know: %(print)s (SHA-256)."),
    "pinned": _("People sign in at %(place)s. Nothing is read from the login: what it is stands in the row."),
    "pinned_until": _("People sign in at %(place)s. What is pinned holds until %(until)s: pin it anew before then."),
    "metadata_over": _(
        "What is pinned held until %(until)s, so nobody signs in any more. Ask for new metadata, and pin it."
    ),
    "senseless_metadata": _("What is pinned cannot be used (%(detail)s). Ask for the login's metadata, and pin it."),
    "certificates": _("It signs with %(certificates)s: the fingerprint (SHA-256), and until when each holds."),
    "certificate_over": _(
        "A certificate is over: %(certificates)s. Ask for its new one, and pin metadata that hold both until then."
    ),
    "no_fitting_certificate": _("Its certificates, %(certificates)s, are none for %(allowed)s. Allow what fits them."),
    "no_sign_out_pinned": _(
        "Its metadata name no address to sign out at by HTTP-Redirect. Ask for one, or switch both sign-outs off in "
        "the row."
    ),
    "unsigned": _("The assertion is not signed itself. Nobody signs in so: ask the login to sign assertions."),
    "encrypted": _(
        "The answer is encrypted in a way that the portal does not read. Ask the login to encrypt the assertion alone, "
        "by RSA-OAEP and AES-GCM, to the key in the portal's metadata."
    ),
    "no_lasting_name": _(
        "It says nothing by which the person is known for good: its name for her changes, or is an e-mail address. Ask "
        "for a persistent name, or enter the attribute that is the person."
    ),
    "unfit_subject": _(
        "What it says that the person is has hidden characters or spaces too many, or is too long: two people could "
        "look like one. Nobody signs in so: ask the login for another name of hers."
    ),
    "own_key": _("The portal proves itself by its own key, %(kid)s. The login must know its public half."),
    "secret": _("The secret named %(name)s is there, readable by the portal alone."),
    "discovery": _("It was reached and reads well."),
    "incomplete": _("What it publishes lacks %(name)s, without which nobody can sign in. Ask whoever runs it."),
    "issuer": _("It calls itself what the row calls it."),
    "other_issuer": _("It calls itself %(said)s, and the row %(row)s. If that is the right login, change the row."),
    "endpoints": _("All are at the row's hosts."),
    "elsewhere": _("Some are at hosts that the row does not name: %(hosts)s. If they are right, enter them."),
    "algorithms": _("It signs with %(common)s, which the row allows."),
    "other_algorithms": _(
        "It signs with %(offered)s, and the row allows %(allowed)s. Allow no weaker one for it: ask it to sign better."
    ),
    "algorithms_left_out": _(
        "It signs with %(offered)s, and the row allows %(allowed)s: nobody would get in. Of what it signs with, allow "
        "%(fitting)s in the row."
    ),
    "other_userinfo": _(
        "It signs userinfo with %(offered)s, and the row allows %(allowed)s. Ask it to sign that alike."
    ),
    "pkce": _("It takes PKCE, and the row uses it."),
    "no_pkce": _("It does not take PKCE, and the row does not use it."),
    "pkce_not_offered": _("It does not take PKCE with S256. Ask it to, or switch PKCE off in the row."),
    "pkce_unused": _("It takes PKCE, and the row does not use it. Switch it on."),
    "par": _("It takes requests sent ahead, and the row sends them so."),
    "no_par": _("It does not take requests sent ahead, and the row sends none."),
    "par_not_offered": _("It has no address for requests sent ahead. Switch PAR off in the row."),
    "par_required": _("It takes only requests sent ahead. Switch PAR on in the row."),
    "par_unused": _("It takes requests sent ahead, and the row does not use that. Switch PAR on."),
    "answers": _("Its answers say that they are from it."),
    "answers_unsigned": _(
        "Its answers do not say from whom they are. Each login has its own address here, which must do."
    ),
    "method": _("It takes %(method)s, as the row says."),
    "other_method": _(
        "It takes %(offered)s, and the row proves itself by %(method)s. Agree on one, and change the row."
    ),
    "assurance": _("It knows %(common)s, which the row can read."),
    "other_words": _("It knows %(offered)s, and the row %(row)s: nobody would get in. Enter what its words mean."),
    "claims_not_taken": _("It takes no conditions (claims). Choose another way of asking for assurance in the row."),
    "sign_out": _("It has what the row says of signing out."),
    "no_rp_logout": _("It has no address for signing out. Switch that off in the row, or ask for one."),
    "no_back_channel": _(
        "It does not say that it tells of sign-outs. Sign out there below, and see whether word comes."
    ),
    "keys": _("It publishes %(keys)s. They are kept for %(seconds)s seconds."),
    "keys_of_age": _(
        "It publishes %(keys)s. They are kept for %(seconds)s seconds; sign-ins here use those of %(age)s seconds ago."
    ),
    "no_fitting_key": _(
        "It publishes %(keys)s, none of them for %(allowed)s. Allow what they are for in the row, or ask it for its "
        "signing keys."
    ),
    "sign_in": _("It came back, is signed by a key of this login, and is for this portal and this sign-in."),
    "cancelled": _("It was broken off there (%(detail)s). Try again, or ask whoever runs the login what that means."),
    "mixed_up": _("The answer names another login, or none, as its sender. Ask whoever runs the login."),
    "over": _("The answer came too late, or twice. Try again."),
    "proof_refused": _(
        "The login does not take the portal's proof. Check the name of the portal there, and its key or secret."
    ),
    "code_refused": _("The login gave an answer and then did not stand by it (%(detail)s). Ask whoever runs it."),
    "signature": _(
        "The answer is not signed by any key of the login known here. Nobody signs in so: ask whoever runs it."
    ),
    "algorithm": _(
        "The answer is signed with an algorithm that the row does not allow. Allow no weaker one: ask for a better."
    ),
    "expired": _("The answer was over when it came. Check the clocks of both servers."),
    "clock": _("The answer comes from the future. Check the clocks of both servers."),
    "claim": _(
        "The answer is for somebody else: another portal, issuer or sign-in. Check the name of the portal there."
    ),
    "unsound": _("The answer is not sound (%(detail)s). Ask whoever runs the login."),
    "claims": _("Everything that the row looks for came."),
    "missing": _(
        "Nothing came for: %(names)s. Check the pointers in the row and the scope, or ask the login to send it."
    ),
    "level": _("It says %(acr)s: %(level)s."),
    "weaker": _(
        "It says %(acr)s: %(level)s, and was asked for more. Acts that ask for a strong sign-in will need a passkey."
    ),
    "unknown_word": _(
        "It says %(acr)s, which the row does not know: nobody gets in so. Ask what it means, and enter it."
    ),
    "no_acr": _("It does not say how strong the sign-in was: nobody gets in so. Ask the login to say acr."),
    "authority": _("It says %(code)s, which is allowed."),
    "by_invitation": _("It says none; each person's invitation says it."),
    "not_listed": _("It says %(code)s, which is not allowed: nobody of it gets in. If it should be, enter it."),
    "proved": _("It had the person prove anew who she is, and says when."),
    "by_passkey": _("Its row says that it cannot: a passkey confirms instead."),
    "no_auth_time": _(
        "It does not say when the person proved who she is (auth_time). If it cannot, say so in the row: then a "
        "passkey confirms."
    ),
    "not_asked_again": _(
        "It was asked to have the person prove it anew, and did not. If it cannot, say so in the row: then a "
        "passkey confirms."
    ),
    "not_left": _("Not tried yet: sign out below."),
    "gone": _("The browser went there and has not come back. If it stays so, have %(back)s allowed there."),
    "left": _("The browser went there and came back."),
    "left_confirmed": _("The browser went there and came back, and the login confirms that she is signed out there."),
    "left_unsigned": _(
        "The browser came back, but the login's answer is not signed, so anybody could have made it. Ask the login to "
        "sign its answers to a logout."
    ),
    "left_failed": _(
        "The browser came back, but the login says that it did not sign her out, or not everywhere (%(detail)s). Ask "
        "whoever runs it."
    ),
    "left_unsound": _(
        "The browser came back, but the login's answer is not sound (%(detail)s), so nobody knows whether she is "
        "signed out there. Ask whoever runs it."
    ),
    "not_told": _("No word yet. Sign in for the test, then sign out at the login itself, in another tab."),
    "told": _("Word came that this sign-in is over, and it was sound."),
    "switched_off": _("The row says that it has none."),
}

_GROUPS = (
    (_("What can be read from outside"), tuple(check for check in Check if check not in OF_A_SIGN_IN)),
    (_("A real sign-in, and out again"), OF_A_SIGN_IN),
)


@dataclass(frozen=True)
class Shown:
    """One finding as the page shows it."""

    check: str
    title: Any
    result: str
    text: str


def groups(findings: Iterable[Mapping[str, Any]]) -> list[tuple[Any, list[Shown]]]:
    """The findings of a test, those without and those with a sign-in."""
    shown = {each["check"]: _shown(each) for each in findings}
    return [(title, [shown[check] for check in checks if check in shown]) for title, checks in _GROUPS]


def _shown(finding: Mapping[str, Any]) -> Shown:
    said = dict(finding["said"])
    if "level" in said:
        said["level"] = str(LEVELS[Assurance[said["level"].upper()]])
    # The text is one of those above: lazy there, filled in here.
    return Shown(finding["check"], TITLES[Check(finding["check"])], finding["result"], str(WHYS[finding["why"]]) % said)
