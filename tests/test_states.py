"""A change that is not in its table does not happen."""

from enum import StrEnum

import pytest

from shared.states import Changes, NoSuchChange, change


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    OFF = "off"


CHANGES: Changes[Light] = {
    "go": ({Light.RED}, {Light.GREEN}),
    "fails": ({Light.RED, Light.GREEN}, {Light.OFF, Light.RED}),
}


def test_a_change_leads_where_its_table_says() -> None:
    assert change(CHANGES, "go", Light.RED) is Light.GREEN
    assert change(CHANGES, "fails", Light.GREEN, Light.OFF) is Light.OFF


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("go", Light.GREEN, None), ("go", Light.RED, Light.OFF), ("fails", Light.OFF, Light.RED)],
)
def test_no_other_change_happens(name: str, before: Light, after: Light | None) -> None:
    with pytest.raises(NoSuchChange, match=f"{name}: {before} to "):
        change(CHANGES, name, before, after)
