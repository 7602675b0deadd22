"""Which location an operator can give to an account, and what it has then."""

from dataclasses import replace
from typing import Any

import pytest

from shared.altegio.status import Status
from shared.connections import lifecycle, take
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState
from tests.connections.words import (
    ACTIVATED,
    ACTIVE,
    GONE,
    GRANTED,
    NO,
    NOW,
    NOW_ACTIVE,
    NOW_FREEZED,
    OLD_PENDING,
    PENDING,
    RULES,
    UNINSTALLED,
    connection,
    seconds,
    settled,
    status,
)

PRIVATE = status((NOW - seconds(90), ACTIVE))


def taken(
    before: Connection | None,
    word: Status = PRIVATE,
    *account_has: Connection,
    account_id: str = "a-1",
) -> Connection:
    return take.taken(
        before,
        4564,
        word,
        account_id=account_id,
        account_has=account_has,
        why="taken by anna",
        now=NOW,
        rules=RULES,
    )


def closed(**changes: Any) -> Connection:
    return replace(connection(State.DISABLED), hint=None, **changes)


def test_what_was_never_here_becomes_live_and_is_due_at_once() -> None:
    assert taken(None) == Connection(
        location_id=4564,
        state=State.ACTIVE,
        generation=1,
        account_id="a-1",
        opened_at=NOW,
        settled_at=NOW,
        activation=NOW - seconds(90),
        mark=PRIVATE.mark,
        verdict="taken by anna",
        due_at=NOW,
    )


def test_of_what_was_closed_it_begins_another_generation_and_keeps_whose_it_was() -> None:
    before = closed(account_id="a-2", erase_at=NOW, version=7)
    after = taken(before)
    assert (after.state, after.generation, after.account_id) == (State.ACTIVE, 4, "a-1")
    assert (after.former, after.erase_at, after.version) == (("a-2",), None, 7)
    assert after.forget_at == NOW + seconds(RULES.erase_after_s)
    assert taken(closed()).former == ()


def test_what_was_taken_lives_on_as_any_other() -> None:
    after = taken(None)
    assert settled(after, PRIVATE).state is State.ACTIVE
    # An old status, of before it was installed, proves nothing.
    assert settled(after, status((NOW - seconds(100), PENDING))).state is State.ACTIVE
    ended = status((NOW - seconds(90), ACTIVE), (NOW, NO))
    assert settled(after, ended).state is State.DISABLED
    granted = status((NOW - seconds(90), ACTIVE), (NOW - seconds(2), NO), (NOW, PENDING))
    assert settled(after, granted).state is State.DISABLED
    assert lifecycle.may_be_opened(settled(after, granted), granted, NOW + seconds(60), RULES)


@pytest.mark.parametrize(
    ("before", "word", "why"),
    [
        (None, GONE, "not installed in Altegio"),
        (None, OLD_PENDING, "waits for the owner who granted it"),
        (None, NOW_FREEZED, "frozen in Altegio"),
        (connection(State.ACTIVE), NOW_ACTIVE, "connected to this account here"),
        (connection(State.FROZEN, account_id="a-2"), NOW_ACTIVE, "connected to another account"),
        (connection(State.PENDING), NOW_ACTIVE, "an owner has pressed Connect"),
    ],
)
def test_nothing_else_is_taken(before: Connection | None, word: Status, why: str) -> None:
    with pytest.raises(take.CannotBeTaken, match=why):
        taken(before, word)


def test_a_status_from_before_it_ended_is_not_believed() -> None:
    """It may be a minute old, and then shows as active what we know to be uninstalled."""
    before = settled(replace(connection(State.ACTIVE), hint=None), UNINSTALLED)
    assert before.state is State.DISABLED
    with pytest.raises(take.CannotBeTaken, match="older than what is known"):
        taken(before, NOW_ACTIVE)
    again = status(GRANTED, ACTIVATED, (NOW - seconds(5), NO), (NOW - seconds(1), ACTIVE))
    assert taken(before, again).activation == NOW - seconds(1)


LINKED: dict[str, Any] = {"chain_id": 5, "crm_token": "token", "telephony": CrmTokenState.PROVEN}


def test_the_token_is_the_accounts_own_and_has_to_be_proven() -> None:
    sibling = connection(State.ACTIVE, **LINKED)
    after = taken(None, PRIVATE, sibling, replace(sibling, location_id=4232))
    assert (after.chain_id, after.crm_token) == (5, "token")
    assert after.telephony is CrmTokenState.UNPROVEN


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 6, "crm_token": "other"},
        {"telephony": CrmTokenState.STOPPED},
        {"state": State.DISABLED},
    ],
    ids=["several chains", "stopped", "left"],
)
def test_without_one_chain_there_is_no_token(changes: dict[str, Any]) -> None:
    first = connection(State.ACTIVE, **LINKED)
    several = (first, replace(first, **changes)) if "chain_id" in changes else ()
    after = taken(None, PRIVATE, *(several or (replace(first, **changes),)))
    assert (after.chain_id, after.crm_token) == (None, None)
    assert after.telephony is CrmTokenState.NONE


def test_its_own_former_token_comes_before_the_accounts() -> None:
    sibling = connection(State.ACTIVE, **{**LINKED, "chain_id": 6, "crm_token": "other"})
    after = taken(closed(**LINKED), PRIVATE, sibling)
    assert (after.chain_id, after.crm_token) == (5, "token")
    assert after.telephony is CrmTokenState.PROVEN
    # That of another account is not his.
    after = taken(closed(**LINKED, account_id="a-2"), PRIVATE, sibling)
    assert (after.chain_id, after.crm_token) == (6, "other")
    assert after.telephony is CrmTokenState.UNPROVEN


def test_a_grant_that_was_answered_is_no_private_install() -> None:
    """The census repairs it where it was closed by mistake; taken, it is the same install."""
    word = status(GRANTED, (NOW - seconds(30), ACTIVE))
    assert taken(closed(), word).activation == NOW - seconds(30)
