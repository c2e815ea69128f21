"""What security keys are to sign: each challenge once, in the browser that it was given to, for one step."""

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import delete, select

from jit_portal.database import session, transaction
from jit_portal.identity import answers, tokens
from jit_portal.identity.glass.models import GlassChallenge
from jit_portal.identity.glass.refusals import refused
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import GlassStep

LASTS = dt.timedelta(minutes=5)


def give(browser: str, step: GlassStep, **more: Any) -> bytes:
    """A new challenge for this browser; ``more`` is what is to be known of it when it is answered."""
    made = secrets.token_bytes(32)
    with transaction():
        over = delete(GlassChallenge).where(GlassChallenge.expires_at <= NOW)
        session().execute(over.execution_options(synchronize_session=False))
        session().add(
            GlassChallenge(
                challenge=made,
                browser_hash=tokens.digest(browser),
                step=step,
                expires_at=dt.datetime.now(dt.UTC) + LASTS,
                **more,
            )
        )
    return made


def take(browser: str, step: GlassStep, said: str) -> GlassChallenge:
    """The challenge that was answered, taken out for good."""
    taking = (
        delete(GlassChallenge)
        .where(GlassChallenge.challenge == answers.challenge(said), *_given(browser, step))
        .returning(GlassChallenge)
        .execution_options(synchronize_session=False)
    )
    with transaction():
        taken = session().scalar(taking)
    if taken is None:
        raise refused("challenge")
    return taken


def waiting(browser: str, step: GlassStep) -> GlassChallenge | None:
    """The newest that this browser was given for the step and has not answered yet."""
    given = select(GlassChallenge).where(*_given(browser, step)).order_by(GlassChallenge.expires_at.desc()).limit(1)
    return session().scalar(given)


def _given(browser: str, step: GlassStep) -> tuple[Any, ...]:
    is_of_browser = GlassChallenge.browser_hash == tokens.digest(browser)
    return (is_of_browser, GlassChallenge.step == step, GlassChallenge.expires_at > NOW)
