"""Links to recordings: whoever knows one may hear the call, so few hosts and no log see any."""

import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

_LONGEST = 2000
_HTTPS = 443
# All that may stand in a URI as it is: https://www.rfc-editor.org/rfc/rfc3986#appendix-A
_PLAIN = ":/?#[]@!$&'()*+,;=%-._~"
# Control characters, halves of letters, and the backslash: what follows it is a path to some
# readers and a host to others.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def fit(link: str, hosts: Collection[str]) -> str:
    """The link as a URI, if it may be passed on; else empty.

    Spaces and other letters than a URI's become escapes, as does a percent sign that begins none:
    PBXes name files after callers. What is escaped already stays as it is: it is decoded once, by
    whoever follows the link.

    Args:
        link: as it came.
        hosts: in lower case; one that begins with a dot stands for all below it.
    """
    if _UNREADABLE.search(link):
        return ""
    uri = quote(_NO_ESCAPE.sub("%25", link), safe=_PLAIN)
    return uri if _allowed(uri, hosts) else ""


def host(link: str) -> str:
    """Where a link leads, for whoever may have to allow it; empty if it is no https link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    name = (parts.hostname or "") if parts.scheme == "https" else ""
    return name if _HOST.fullmatch(name) else ""


def _allowed(uri: str, hosts: Collection[str]) -> bool:
    """Whether it is https, on one of the hosts, and nothing but a link."""
    if len(uri) > _LONGEST:
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").removesuffix(".")
    named = any(host == each or (each[:1] == "." and host.endswith(each)) for each in hosts)
    plain = parts.scheme == "https" and "@" not in parts.netloc
    return bool(host) and named and plain and port in (None, _HTTPS)
