"""The demo's national logins, with people of several authorities, who say for which one they sign in."""

from dataclasses import replace

from flask import request

from jit_portal.demo.providers import app
from jit_portal.demo.providers.__main__ import main
from jit_portal.demo.providers.issuer import Issuer
from jit_portal.demo.providers.state import Login


class Moving(Issuer):
    def sign_in(self, subject: str) -> Login | None:
        login = super().sign_in(subject)
        if login is not None and "office" in request.form:
            login.person = replace(login.person, authority=request.form["office"])
        return login


if __name__ == "__main__":
    app.Issuer = Moving  # type: ignore[attr-defined]
    main()
