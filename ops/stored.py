"""All that the tables hold of one account or location: what is erased on request, and what stays.

Most of it is in no index by person, so tables are read to their ends: for a rare request only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.site import Site
from shared.aws.dynamodb import from_item, row, to_value
from shared.aws.sightings import is_note, is_of_everybody, places_of
from shared.clock import stamp
from shared.connections.accounts import Account
from shared.connections.connection import Connection

type Row = dict[str, Any]
type Rows = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is."""

    account: Account | None  # None if the location's was erased before.
    connections: tuple[Connection, ...]  # Of the account, or the one that was named.
    whole: bool  # It is about all of the account, not about one of several locations.

    @property
    def account_id(self) -> str | None:
        """The account's id here."""
        return self.account.account_id if self.account else None

    @property
    def users(self) -> set[int]:
        """The Altegio users who come in by the account."""
        it = self.account
        return {it.altegio_user_id, *it.linked_user_ids} if it else set()

    @property
    def locations(self) -> set[int]:
        """The ids of the connections."""
        return {it.location_id for it in self.connections}


def of_account(site: Site, account: Account) -> Person:
    """All of an account."""
    ids = sorted(site.connections.of_account(account.account_id))
    found = [it for it in map(site.connections.get, ids) if it is not None]
    own = tuple(it for it in found if it.account_id == account.account_id)
    return Person(account, own, whole=True)


def of_location(site: Site, connection: Connection) -> Person:
    """One location; all of its account, if the account has no other."""
    account = site.accounts.of_id(connection.account_id) if connection.account_id else None
    if account is not None:
        whole = of_account(site, account)
        if whole.locations <= {connection.location_id}:
            return whole
    return Person(account, (connection,), whole=False)


def personal(site: Site, person: Person) -> Rows:
    """Rows that are deleted as a whole, by table; accounts and connections have their own way."""
    users, account_id = person.users, person.account_id
    portal = person.account.portal_account_id if person.account else ""
    askers = {*map(str, users), str(account_id), f"portal#{portal}"}

    def ticket(it: Row) -> bool:
        key = str(it["ticket_hash"])
        named = bool(person.locations & {*it.get("location_ids", ())})
        if account_id is None:
            return named
        owned = it.get("owner", {}).get("altegio_user_id") in users
        if not person.whole:
            return owned and named
        of_account = (f"codes#{account_id}#", f"watch#{account_id}#")
        counted = key.startswith((*of_account, *(f"denied#{each}#" for each in askers)))
        claimed = bool(portal) and it.get("claimed_by") == portal
        return owned or counted or claimed or account_id in (it.get("proven"), it.get("watches"))

    def call(it: Row) -> bool:
        is_theirs = account_id in (None, it["account_id"])
        # What tells of a refused key is of no location.
        return is_theirs and (person.whole or it.get("location_id") in person.locations)

    def pace(it: Row) -> bool:
        # A location may have the number of a user, so no note is theirs by that.
        key, who = str(it["key"]), str(it.get("who", ""))
        if not is_note(key):
            return key.partition("#")[2] in askers
        return account_id is not None and (account_id in who or bool(places_of(it, account_id)))

    def own(it: Row) -> Row:
        """Of a note of everybody, no more than what names the account."""
        if account_id is None or not is_of_everybody(str(it["key"])):
            return it
        last = {"who": account_id} if account_id in it["who"] else {}
        return {"key": it["key"], **last, **{each: it[each] for each in places_of(it, account_id)}}

    paces = _those(site, site.settings.platform.pace_table, pace) if person.whole else []
    return {
        "CallsTable": _those(site, site.calls_settings.calls_table, call),
        "TicketsTable": _those(site, site.tickets_table, ticket),
        "PaceTable": [*map(own, paces)],
    }


def named(site: Site, person: Person) -> Rows:
    """Rows that name the account, by table: its own, and those of its connections."""
    account_id, table = person.account_id, site.settings.connections.connections_table
    keys = [{"location_id": it} for it in sorted(person.locations)]
    accounts = []
    if account_id is not None and person.whole:
        accounts = _those(
            site, site.settings.accounts_table, lambda it: it.get("account_id") == account_id
        )
    elif person.account is not None:
        lines = person.account.lines.items()
        accounts = [{"line": key, "location_id": it} for key, it in lines if it in person.locations]
    return {
        "AccountsTable": accounts,
        # Who had the location before is another person.
        "ConnectionsTable": [
            {name: value for name, value in it.items() if name != "former"}
            for key in keys
            if (it := row(site.dynamodb, table, key))
        ],
    }


def formerly(site: Site, person: Person) -> list[Connection]:
    """Connections of others that were the account's before, and still say so."""
    if not person.whole:
        return []
    table = site.settings.connections.connections_table
    found = _those(site, table, lambda it: person.account_id in it.get("former", ()))
    connections = (site.connections.get(it["location_id"]) for it in found)
    return [it for it in connections if it is not None]


def kept(site: Site, person: Person) -> Rows:
    """Rows of the locations that an erasure leaves, since they are the person's."""
    journal = site.settings.connections.journal_table
    # Whose it was first, also has what was billed before.
    since = {
        it.location_id: "" if it.generation == 1 else stamp(it.held_since or it.opened_at)
        for it in person.connections
    }
    ids = since.keys()
    keys = {key for it in person.connections if (key := it.chain_key)}
    chains = site.calls_settings.chains.chains_table
    payments = site.settings.payments_table
    entries = [{"key": key} for it in sorted(ids) for key in site.ledger.of_location(it)]
    found = (row(site.dynamodb, payments, key) for key in entries)

    def theirs(it: Row, at: str) -> bool:
        return it["location_id"] in ids and it[at] >= since[it["location_id"]]

    return {
        "PaymentsTable": [it for it in found if it and theirs(it, "received_at")],
        "JournalTable": _those(site, journal, lambda it: theirs(it, "at")),
        # A chain may have locations of other owners.
        "ChainsTable": [
            {**it, "locations": [each for each in it["locations"] if each in ids]}
            for key in keys
            if (it := row(site.dynamodb, chains, {"key": key}))
        ],
    }


def delete(site: Site, rows: Rows) -> None:
    """Deletes rows that `personal` has found."""
    tables: Mapping[str, tuple[str, str]] = {
        "CallsTable": (site.calls_settings.calls_table, "key"),
        "TicketsTable": (site.tickets_table, "ticket_hash"),
        "PaceTable": (site.settings.platform.pace_table, "key"),
    }
    for name, found in rows.items():
        table, key = tables[name]
        for each in found:
            if name == "PaceTable" and is_of_everybody(str(each[key])):
                _strike(site, table, each)
            else:
                site.dynamodb.delete_item(TableName=table, Key={key: to_value(each[key])})


def _strike(site: Site, table: str, own: Row) -> None:
    """Takes out of a note of everybody what is the person's own."""
    changes = ["SET who = :nobody"] if "who" in own else []
    gone = [name for name in own if name not in ("key", "who")]
    changes += [f"REMOVE {', '.join(gone)}"] if gone else []
    values = {"ExpressionAttributeValues": {":nobody": to_value("")}} if "who" in own else {}
    site.dynamodb.update_item(
        TableName=table,
        Key={"key": to_value(own["key"])},
        UpdateExpression=" ".join(changes),
        **values,
    )


def _those(site: Site, table: str, are: Callable[[Row], bool]) -> list[Row]:
    """Of all rows of a table, as it is now."""
    return [*filter(are, map(from_item, scanned(site, table)))]


def scanned(site: Site, table: str) -> Iterator[Mapping[str, Any]]:
    """All items of a table as they are stored, to its last page."""
    start: dict[str, Any] = {}
    while True:
        answer = site.dynamodb.scan(TableName=table, ConsistentRead=True, **start)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
