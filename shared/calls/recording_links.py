"""Links to recordings: whoever knows one may hear the call, so few hosts and no log see any."""

import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

LONGEST = 2000
_HTTPS = 443
# All that may stand in a URI as it is: https://www.rfc-editor.org/rfc/rfc3986#appendix-A
_PLAIN = ":/?#[]@!$&'()*+,;=%-._~"
# Control characters, halves of letters, and the backslash: what follows it is a path to some
# readers and a host to others.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
NOT_HTTPS = "not https"
UNREADABLE = "no plain links (too long, or with a password, a port or odd characters)"
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


def wrong(link: str, hosts: Collection[str]) -> str:
    """Why `fit` does not take a link, with its host and no more of it."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return UNREADABLE
    host = (parts.hostname or "").removesuffix(".")
    if not _HOST.fullmatch(host):
        return UNREADABLE if parts.scheme == "https" else NOT_HTTPS
    if parts.scheme != "https":
        return f"{NOT_HTTPS}, on the host {host}"
    if not _named(host, hosts):
        return f"on the host {host}, which RecordingHosts does not allow"
    return f"{UNREADABLE}, on the host {host}"


def _allowed(uri: str, hosts: Collection[str]) -> bool:
    """Whether it is https, on one of the hosts, and nothing but a link."""
    if len(uri) > LONGEST:
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").removesuffix(".")
    plain = parts.scheme == "https" and "@" not in parts.netloc
    return bool(host) and _named(host, hosts) and plain and port in (None, _HTTPS)


def _named(host: str, hosts: Collection[str]) -> bool:
    return any(host == each or (each[:1] == "." and host.endswith(each)) for each in hosts)
