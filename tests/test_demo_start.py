"""How the demo stands on its machine once it has started: what of it is open, to whom, and what it says."""

import re
import stat
from dataclasses import asdict

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from tests.demo import PORTS, Demo, listening, still_running, wait_until


def test_it_listens_to_this_machine_alone(demo: Demo) -> None:
    """Whatever process of it listens, at whatever port."""
    found = listening(demo.processes())
    assert {port for _, port in found} >= set(range(demo.port, demo.port + PORTS))
    assert {str(address) for address, _ in found} <= {"127.0.0.1", "::1"}


def test_it_says_as_whom_one_may_sign_in(demo: Demo) -> None:
    """Under each national login, people who use that one: of every duty, and some of those who have none."""
    wait_until(lambda: any("Ctrl-C stops everything" in line for line in demo.said))
    told = "".join(demo.said).split("is ready:")[-1].split("Ctrl-C")[0]
    logins = [provider.name for provider in PROVIDERS]
    places = [told.index(f"    {name}\n") for name in logins]
    for provider, begin, end in zip(PROVIDERS, places, [*places[1:], None], strict=True):
        lines = told[begin:end].splitlines()[1:]
        named = [next(who for who in PEOPLE if f"      {who.name} " in line) for line in lines if line.strip()]
        assert {who.provider for who in named} == {provider.slug}
        assert {who.duty for who in named} == {who.duty for who in PEOPLE if who.provider == provider.slug}


def test_its_secrets_are_its_accounts_alone(demo: Demo) -> None:
    """Files that keep a secret, whatever their name, and the folder of the database."""
    data = demo.data
    files = {file: stat.S_IMODE(file.stat().st_mode) for file in data.rglob("*") if file.is_file()}
    named = [data / name for name in ("secrets.json", "signing-key.json", "keyring.json", "store/s3.json")]
    named += [data / "store/security.toml", *(data / f"providers/{provider.slug}.json" for provider in PROVIDERS)]
    assert {file.name: files[file] for file in named} == {file.name: 0o600 for file in named}
    secrets = {word for file in named for word in re.findall(r"[\w+/=-]{30,}", file.read_text())}
    assert secrets > set(asdict(demo.plan.secrets).values())
    for file, mode in files.items():
        if mode & 0o077:
            said = file.read_text(errors="replace")
            assert not [word for word in secrets if word in said], file
    assert stat.S_IMODE((data / "postgres").stat().st_mode) == 0o700


def test_a_second_one_in_its_place_is_refused_in_words(demo: Demo) -> None:
    """At the same port, or with the same data; the first goes on, and nothing is made for the second."""
    running, elsewhere = demo.processes(), demo.data.with_name("elsewhere")
    at_port, with_data = Demo(elsewhere), Demo(demo.data)
    at_port.port = demo.port
    seconds = [second.begin() for second in (at_port, with_data)]
    try:
        said = [second.communicate(timeout=60)[0] for second in seconds]
    finally:
        for second in seconds:
            second.terminate()
    assert [second.returncode for second in seconds] == [1, 1]
    assert f"The demo does not start: somebody listens on {demo.port}, " in said[0]
    assert "choose another: make run PORT=" in said[0]
    assert re.search(rf"does not start: process \d+ runs the demo in {demo.data} already", said[1])
    assert not (elsewhere / "secrets.json").exists()
    assert still_running(running) == running
    wait_until(lambda: set(demo.states().values()) == {"ready"})
