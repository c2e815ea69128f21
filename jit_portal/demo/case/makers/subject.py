"""What a maker is told about the exhibit whose bytes it makes, and the invented things all makers draw from."""

import random
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

Field = Literal["labour", "fraud", "goods"]

FIRMS = (
    "Halcyvorn Staffing B.V.",
    "Brasmolin Agri SARL",
    "Dunaterra Recrut SRL",
    "Ostrelin Logistics B.V.",
    "Verdavale Serres SAS",
    "Koprivan Transport SRL",
    "Nordhelle Packing B.V.",
    "Mirvoine Logement SARL",
    "Valbrisa Trade SHPK",
    "Tessarik Holding Ltd",
)
STREETS = ("Quai des Saulniers", "Havenkade", "Strada Teilor", "Rue du Canal", "Polderweg", "Rruga e Portit")
ALIASES = ("Nelu", "Dori", "Costin", "Le Grand", "Beni", "Moș", "Kees", "Vica", "Luan", "Tante R.")


@dataclass(frozen=True)
class Subject:
    """An exhibit as its maker sees it; equal subjects give equal bytes."""

    title: str
    seed: int
    file_name: str = "exhibit.bin"
    description: str = ""
    authority: str = "Investigating authority"
    place: str = "unknown place"
    seized_on: date = date(2026, 6, 1)
    field: Field = "labour"

    def generator(self, purpose: str = "") -> random.Random:
        """A generator of its own for each purpose, always the same for this subject."""
        # Repeatable on purpose: the same exhibit must have the same bytes.
        return random.Random(f"{self.seed}/{self.title}/{purpose}")  # noqa: S311

    def firm(self, rng: random.Random) -> str:
        """The company that the name of the file speaks of, or some other."""
        named = (firm for firm in FIRMS if firm.split()[0].lower() in self.file_name.lower())
        return next(named, None) or rng.choice(FIRMS)

    def cipher(self, rng: random.Random) -> str:
        """The worker that the title speaks of, or some other."""
        found = re.search(r"W-\d\d", self.title)
        return found[0] if found else worker(rng)

    def moment(self, rng: random.Random, days_before: int = 60) -> datetime:
        """Some minute of the days before the seizure; of that day itself for 0."""
        day = self.seized_on - timedelta(days=rng.randint(min(1, days_before), days_before))
        return datetime.combine(day, time(rng.randint(5, 22), rng.randint(0, 59), rng.randint(0, 59)))


def account(rng: random.Random, country: str = "") -> str:
    """An account number with check digits 00, which no bank gives out."""
    country = country or rng.choice(("FR", "NL", "RO", "AL"))
    groups = " ".join(f"{rng.randint(0, 9999):04d}" for _ in range(3))
    return f"{country}00 DEMO {groups} {rng.randint(0, 99):02d}"


def telephone(rng: random.Random) -> str:
    """A telephone number with its middle withheld."""
    return f"{rng.choice(('+33 6', '+31 6', '+40 7', '+355 6'))} ** ** {rng.randint(10, 99)} {rng.randint(10, 99)}"


def plate(rng: random.Random) -> str:
    """A number plate of no country."""
    return f"D{rng.randint(0, 9)}M{rng.randint(0, 9)}-{rng.randint(100, 999)}"


def worker(rng: random.Random) -> str:
    """The cipher under which a worker appears in the files."""
    return f"W-{rng.randint(1, 94):02d}"


def latin(text: str) -> str:
    """The text in the letters that the standard fonts have; from others the marks are dropped."""
    return "".join(letter if _is_western(letter) else _bare(letter) for letter in text)


def _is_western(letter: str) -> bool:
    return letter.encode("cp1252", "ignore") != b""


def _bare(letter: str) -> str:
    plain = unicodedata.normalize("NFD", letter.replace("ı", "i")).encode("cp1252", "ignore")
    return plain.decode("cp1252")
