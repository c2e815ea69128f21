"""The five JITs of the demo case: three in force, one ended, one still being drafted."""

from jit_portal.demo.case.jit_lantern import LANTERN
from jit_portal.demo.case.jit_others import AMBER, HERON, KESTREL, SALTMARSH

JITS = (LANTERN, KESTREL, AMBER, SALTMARSH, HERON)
BY_KEY = {jit.key: jit for jit in JITS}
