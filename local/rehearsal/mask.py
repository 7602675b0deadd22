"""Takes out of a text what nobody but its owner should read."""

import re
from collections.abc import Iterable
from typing import Any

MASKED = "***"
"""Of whatever is masked, in one form: nobody can tell a number's country, or how long a name is."""

_NAMES = frozenset(
    {"api_key", "authorization", "crm_token", "email", "link", "login", "partner_token", "phone"}
    | {"secret_key", "ticket", "user_data", "user_data_sign"}
)
_SHAPES = re.compile(
    r"(?<=bearer )\S+"
    r"|(?<=\buser_data=)[^&\s]+"
    r"|(?<=\buser_data_sign=)[^&\s]+"
    r"|(?<=\bcrm_token=)[^&\s]+"
    r"|(?<=\bticket=)[^&\s]+"
    r"|\bpbx_[\w-]{36,}"  # the key of a telephone system
    r"|\b[0-9a-f]{64}\b"  # a signature
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"  # an e-mail address
    r"|\+[0-9](?:[ ().-]{0,2}[0-9]){8,14}\b"  # a phone number, as people write it
    r"|\+?\b[0-9]{10,15}\b",  # and as machines do
    re.IGNORECASE,
)


class Mask:
    """Masks by name, by shape, and by value what has no shape.

    Args:
        secrets: Values to be masked wherever they stand.
        public: Values that are not, though a part of them looks like a phone number.
    """

    def __init__(self, secrets: Iterable[str], public: Iterable[str] = ()) -> None:
        self._values = re.compile("|".join(map(re.escape, secrets)))
        self._public = {found[0] for each in public for found in _SHAPES.finditer(each)}

    def text(self, text: str) -> str:
        """A text without secrets, signatures, phone numbers and e-mail addresses."""
        return _SHAPES.sub(self._masked, self._values.sub(MASKED, text))

    def _masked(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._public else MASKED

    def __call__(self, value: Any) -> Any:
        """JSON, masked in all its depth."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {
                    name: MASKED if name.lower() in _NAMES and each else self(each)
                    for name, each in value.items()
                }
            case list():
                return [self(each) for each in value]
        return value
