"""nginx before the REST catalog, which asks nobody who calls: one token writes, others only read.

A refusal has the form of Iceberg's own errors, so that clients show what it says.
"""

import json
from collections.abc import Sequence

from infra.service import Site

HEALTH_PATH = "/healthy"

# The engine's own name server: a catalog that is started again may have another address.
_RESOLVER = "127.0.0.11"


def proxy_config(site: Site, writer_token: str, reader_tokens: Sequence[str]) -> str:
    """The text of the catalog proxy's `nginx.conf`. Holds all tokens."""
    rules = _CATALOG_RULES.format(
        writer=writer_token,
        readers="\n    ".join(f'"Bearer {token}" "reader";' for token in reader_tokens),
        port=site.ports["catalog-proxy.rest"],
        catalog=site.address("catalog.rest"),
        resolver=_RESOLVER,
        health=HEALTH_PATH,
        nobody=_error(401, "NotAuthorizedException", "A bearer token is needed, one of ours."),
        reads=_error(403, "ForbiddenException", "This token may read only: GET and HEAD."),
        large=_error(413, "BadRequestException", "The request is larger than 64 MB."),
        away=_error(502, "BadGatewayException", "The catalog does not answer."),
        slow=_error(504, "GatewayTimeoutException", "The catalog did not answer in time."),
    )
    return _COMMON + rules + "}\n"


def forward_config(port: int, address: str) -> str:
    """An `nginx.conf` that passes everything on from a port to an address."""
    return f"""\
{_COMMON}
  server {{
    listen {port};
    resolver {_RESOLVER} valid=5s ipv6=off;
    set $target {address};
    location / {{ proxy_pass http://$target; }}
  }}
}}
"""


def _error(status: int, kind: str, message: str) -> str:
    return json.dumps({"error": {"message": message, "type": kind, "code": status}})


# Two processes are enough for what a catalog is asked. Whatever is written goes to /tmp.
_COMMON = """\
daemon off;
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  server_tokens off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  client_body_buffer_size 1m;
  proxy_max_temp_file_size 0;
"""

_CATALOG_RULES = """
  default_type application/json;
  client_max_body_size 64m;
  map_hash_bucket_size 256;
  map $http_authorization $client {{
    default "nobody";
    "Bearer {writer}" "writer";
    {readers}
  }}
  map "$client $request_method" $refused {{
    default 401;
    "~^writer " 0;
    "reader GET" 0;
    "reader HEAD" 0;
    "~^reader " 403;
  }}

  server {{
    listen {port};
    resolver {resolver} valid=5s ipv6=off;
    set $catalog {catalog};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    # The token is for us; the catalog has no use for it.
    proxy_set_header Authorization "";
    proxy_read_timeout 60s;
    # A write that was sent once may have been done: only the client can know whether to repeat it,
    # and a 503 would be taken as leave to.
    proxy_next_upstream off;
    error_page 413 @large;
    error_page 502 @away;
    error_page 504 @slow;

    location / {{
      if ($refused = 401) {{ return 401 '{nobody}'; }}
      if ($refused = 403) {{ return 403 '{reads}'; }}
      proxy_pass http://$catalog;
    }}
    location = {health} {{
      allow 127.0.0.1;
      deny all;
      rewrite ^ /v1/config break;
      proxy_pass http://$catalog;
    }}
    location @large {{ return 413 '{large}'; }}
    location @away {{ return 502 '{away}'; }}
    location @slow {{ return 504 '{slow}'; }}
  }}
"""
