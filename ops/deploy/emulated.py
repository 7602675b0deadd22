"""What an emulator has not: a deployment into one leaves it out, and says so."""

import re

NOT_MADE = "AWS::Logs::QueryDefinition"
"""The type of resource that the emulator, as it is pinned, refuses."""


def without(kind: str, template: str) -> str:
    """The template less its resources of a type."""
    resource = rf"^  \w+:\n    Type: {kind}\n(?:(?:    .*)?\n)*?(?=^(?:  )?\S|\Z)"
    return re.sub(resource, "", template, flags=re.MULTILINE)
