"""Links to recordings: whoever knows one may hear the call, so few hosts and no log see any."""

from collections.abc import Collection
from urllib.parse import urlsplit

_LONGEST = 2000
_HTTPS = 443


def allowed(link: str, hosts: Collection[str]) -> bool:
    """Whether a link is https, on one of the hosts, and nothing but a link.

    Args:
        link: as it came.
        hosts: in lower case; one that begins with a dot stands for all below it.
    """
    if len(link) > _LONGEST or not link.isascii() or not link.isprintable() or " " in link:
        return False
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").removesuffix(".")
    named = any(host == each or (each[:1] == "." and host.endswith(each)) for each in hosts)
    # What follows a backslash is a path to some readers and a host to others.
    plain = parts.scheme == "https" and "@" not in parts.netloc and "\\" not in link
    return bool(host) and named and plain and port in (None, _HTTPS)
