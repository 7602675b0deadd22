"""The body of a PBX's request: unpacked if it came packed, and never longer than a call can be.

https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
"""

import zlib

# What one request may hold, unpacked: as much as Lambda takes packed. The record of a channel that
# was passed on often is some hundreds of kilobytes; what is kept of it is small.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LONGEST = 6 * 1024 * 1024
PACKED_BY = ("gzip", "deflate")

# Each costs a copy of the rest.
_MOST_MEMBERS = 50
_NOT_PACKED = ("", "identity")
# https://docs.python.org/3/library/zlib.html#zlib.decompressobj
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class TooLong(Exception):
    """It is longer than anything that a PBX has to say of a call."""


class UnknownPacking(Exception):
    """It is packed in another way than `PACKED_BY`."""


class NotPacked(Exception):
    """It is not what its encoding says."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was packed.

    Args:
        body: as it came.
        encoding: the header `Content-Encoding`; empty if there is none.

    Raises:
        TooLong: also of a short one that would become so.
        UnknownPacking: or more than one.
        NotPacked: it is damaged.
    """
    kind = encoding.strip().lower().removeprefix("x-")
    if len(body) > LONGEST:
        raise TooLong
    if kind in _NOT_PACKED or not body:
        return body
    if kind not in PACKED_BY:
        raise UnknownPacking
    if kind == "gzip":
        return _inflated(body, _GZIP)
    try:
        return _inflated(body, _ZLIB)
    except NotPacked:
        # Some send deflate without the frame that the standard asks for.
        return _inflated(body, _RAW)


def _inflated(body: bytes, window: int) -> bytes:
    """All members one after the other, as gzip may have more than one."""
    told, rest = b"", body
    for _ in range(_MOST_MEMBERS):
        inflating = zlib.decompressobj(window)
        try:
            told += inflating.decompress(rest, LONGEST + 1 - len(told))
        except zlib.error:
            raise NotPacked from None
        if len(told) > LONGEST:
            raise TooLong
        if not inflating.eof:
            raise NotPacked
        rest = inflating.unused_data if window == _GZIP else b""
        # Some pad it with zeros: https://www.gnu.org/software/gzip/manual/gzip.html#Tapes
        rest = rest.lstrip(b"\0")
        if not rest:
            return told
    raise TooLong
