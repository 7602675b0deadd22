"""Altegio's signatures: hex HMAC-SHA256, keyed by the partner token.

While the token is being rotated there are two (see `partner_token`), and either may have signed.
"""

import hashlib
import hmac


def fits(message: bytes, sign: str, tokens: tuple[str, ...]) -> bool:
    """Whether one of the tokens signed `message`.

    In constant time: neither how much of a signature is right shows, nor which token fits. Without
    a token, nothing does.
    """
    sent = sign.lower().encode("utf-8", "replace")
    made = [hmac.new(token.encode(), message, hashlib.sha256).hexdigest() for token in tokens]
    # A list, as `any` would stop at the first that fits.
    compared = [hmac.compare_digest(sent, each.encode()) for each in made]
    return any(compared)
