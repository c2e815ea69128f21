"""``python -m jit_portal.demo.providers --port N [--data DIR]``: serve the demo's five national logins on loopback."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from joserfc.jwk import ECKey, KeySet
from werkzeug.serving import WSGIRequestHandler, make_server

from jit_portal.demo.providers.app import create_app


class Quiet(WSGIRequestHandler):
    """Writes no line per request: addresses there carry codes."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def _portal_keys(path: Path) -> KeySet:
    """The public half of the portal's key; nothing else of its file is kept."""
    private = ECKey.import_key(json.loads(path.read_text()))
    return KeySet([ECKey.import_key(private.as_dict(private=False))])


def main() -> None:
    parser = argparse.ArgumentParser(prog="jit_portal.demo.providers", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="folder of the providers' keys; without it they live in memory")
    asked = parser.parse_args()
    missing = [name for name in ("JIT_ORIGIN", "JIT_SIGNING_KEY") if not os.environ.get(name)]
    if missing:
        sys.exit(f"The demo providers do not start: {', '.join(missing)} missing.")
    # Authlib refuses plain http; these providers are reached on loopback only.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    base = f"http://127.0.0.1:{asked.port}"
    keys = _portal_keys(Path(os.environ["JIT_SIGNING_KEY"]))
    app = create_app(base, os.environ["JIT_ORIGIN"].rstrip("/"), keys, asked.data)
    server = make_server("127.0.0.1", asked.port, app, threaded=True, request_handler=Quiet)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Demo providers: {base}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
