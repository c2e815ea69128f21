"""The settings: nothing starts with one missing or senseless, and no message and no log shows a value."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from jit_portal.config import MissingSetting, Settings

SECRETS = {
    "JIT_DATABASE_URL": "postgresql://jit_app:Pa55word@db.example/jit",
    "JIT_STORE_ACCESS_KEY": "AccessKey",
    "JIT_STORE_SECRET_KEY": "StoreSecret",
    "JIT_SECRET_KEY": "Forms-are-signed-with-this-secret",
    "JIT_REDIS_URL": "redis://:RedisSecret@cache.example",
}
GOOD = SECRETS | {
    "JIT_ROLE": "web",
    "JIT_ORIGIN": "https://portal.example.org",
    "JIT_INSTANCE": "portal",
    "JIT_STORE_ENDPOINT": "store.example:9000",
    "JIT_STORE_SECURE": "1",
    "JIT_STORE_BUCKET": "evidence",
    "JIT_KEYRING": "/var/lib/jit-portal/keyring.json",
    "JIT_SIGNING_KEY": "/var/lib/jit-portal/signing-key.json",
    "JIT_PROXY_HOPS": "1",
    "JIT_PROXY_HEALTH": "http://127.0.0.1:80",
    "JIT_WEB_HEALTH": "http://127.0.0.1:8801",
    "JIT_VAULT_HEALTH": "unix:/run/vault.sock",
    "JIT_PROVIDERS_HEALTH": "http://127.0.0.1:8802",
    "JIT_SAML_KEY": "/var/lib/jit-portal/saml-key.pem",
    "JIT_PROVIDER_SECRETS": "/var/lib/jit-portal/provider-secrets.json",
    "JIT_BREAK_GLASS": "1",
}
OPTIONAL = {
    *("JIT_REDIS_URL", "JIT_PROVIDER_SECRETS", "JIT_SAML_KEY", "JIT_BREAK_GLASS"),
    *("JIT_PROXY_HEALTH", "JIT_WEB_HEALTH", "JIT_VAULT_HEALTH", "JIT_PROVIDERS_HEALTH"),
}
SENSELESS = [
    ("JIT_ROLE", "webb"),
    ("JIT_ORIGIN", "lantern.example"),
    ("JIT_ORIGIN", "ftp://portal.example.org"),
    ("JIT_ORIGIN", "https:///x"),
    ("JIT_ORIGIN", "https://portal.example.org/path"),
    ("JIT_ORIGIN", "https://portal.example.org?x"),
    ("JIT_ORIGIN", "https://portal.example.org/?"),
    ("JIT_ORIGIN", "https://portal.example.org#x"),
    ("JIT_ORIGIN", "https://who:Pa55word@portal.example.org"),
    ("JIT_ORIGIN", "https://@portal.example.org"),
    ("JIT_ORIGIN", "https://portal.example.org:99999"),
    ("JIT_ORIGIN", "https://portal.example.org:0"),
    ("JIT_ORIGIN", "https://portal.example.org:"),
    ("JIT_ORIGIN", "https://portal.example.org:x"),
    ("JIT_ORIGIN", "https://portal_.example.org"),
    ("JIT_ORIGIN", "https://pörtal.example.org"),
    ("JIT_ORIGIN", "https://a b.example.org"),
    ("JIT_ORIGIN", "http://portal.example.org"),
    ("JIT_INSTANCE", "two words"),
    ("JIT_INSTANCE", "a;b"),
    ("JIT_INSTANCE", "ö"),
    ("JIT_INSTANCE", "x" * 41),
    ("JIT_DATABASE_URL", "mysql://root:Pa55word@db/jit"),
    ("JIT_DATABASE_URL", "postgresql"),
    ("JIT_STORE_ENDPOINT", "https://store.example:9000"),
    ("JIT_STORE_SECURE", "yes"),
    ("JIT_STORE_BUCKET", "Evidence!"),
    ("JIT_BREAK_GLASS", "yes"),
    ("JIT_SECRET_KEY", "too-short-secret"),
    ("JIT_PROXY_HOPS", "-1"),
    ("JIT_PROXY_HOPS", "²"),
    ("JIT_PROXY_HOPS", "1" * 5000),
    ("JIT_REDIS_URL", "cache.example"),
    ("JIT_PROXY_HEALTH", "somewhere"),
    ("JIT_WEB_HEALTH", "https://127.0.0.1"),
    ("JIT_VAULT_HEALTH", "unix:vault"),
    ("JIT_PROVIDERS_HEALTH", "127.0.0.1"),
]


def test_good_settings_are_read() -> None:
    settings = Settings.read(GOOD)
    assert set(GOOD) == {f"JIT_{field.name.upper()}" for field in fields(settings)}
    assert (settings.origin, settings.proxy_hops, settings.store_secure) == ("https://portal.example.org", 1, True)
    assert settings.provider_secrets == Path("/var/lib/jit-portal/provider-secrets.json")


@pytest.mark.parametrize("name", sorted(GOOD.keys() - OPTIONAL))
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_missing_setting_is_named(name: str, blank: str | None) -> None:
    environ = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(MissingSetting, match=f"{name} is missing") as refused:
        Settings.read(environ if blank is None else environ | {name: blank})
    assert not shown(str(refused.value))


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_some_may_be_left_out(name: str) -> None:
    settings = Settings.read({key: value for key, value in GOOD.items() if key != name})
    assert not getattr(settings, name.removeprefix("JIT_").lower())


@pytest.mark.parametrize(("name", "value"), SENSELESS)
def test_a_senseless_setting_is_named_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(MissingSetting, match=name) as refused:
        Settings.read(GOOD | {name: value})
    said = str(refused.value)
    assert said.count("JIT_") == 1, "and no other"
    assert said == str(_refusal(GOOD | {name: "!"})) or value not in said
    assert not shown(said)


def _refusal(environ: dict[str, str]) -> MissingSetting:
    with pytest.raises(MissingSetting) as refused:
        Settings.read(environ)
    return refused.value


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(MissingSetting) as refused:
        Settings.read({"JIT_ROLE": "cook", "JIT_ORIGIN": "nowhere"})
    assert str(refused.value).count("JIT_") == len(GOOD) - len(OPTIONAL)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://portal.example.org/", "https://portal.example.org"),
        ("HTTPS://Portal.Example.ORG", "https://portal.example.org"),
        ("https://portal.example.org:443", "https://portal.example.org"),
        ("https://portal.example.org:8443/", "https://portal.example.org:8443"),
        (" http://localhost:8800 ", "http://localhost:8800"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_the_origin_is_kept_as_browsers_send_it(written: str, meant: str) -> None:
    assert Settings.read(GOOD | {"JIT_ORIGIN": written}).origin == meant


def test_a_setting_does_not_change_and_tells_no_secret() -> None:
    settings = Settings.read(GOOD)
    with pytest.raises(FrozenInstanceError):
        settings.origin = "https://evil.example"  # type: ignore[misc]
    assert not shown(repr(settings) + str(settings) + f"{settings}" + repr({"settings": settings}))


def shown(text: str) -> list[str]:
    """The secrets that stand in a text."""
    parts = ["Pa55word", "RedisSecret", *SECRETS.values()]
    return [part for part in parts if part in text]
