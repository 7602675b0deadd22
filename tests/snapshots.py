"""Tables put back to how they were, as a restore does."""

from collections.abc import Mapping
from typing import Any

type Snapshot = dict[str, tuple[str, list[Any]]]

# By the name of the variable that names the table: its key.
RESTORED = {"PAYMENTS_TABLE": "key", "CONNECTIONS_TABLE": "location_id"}


def taken(
    dynamodb: Any, environment: Mapping[str, str], tables: Mapping[str, str] = RESTORED
) -> Snapshot:
    """All rows of some tables."""
    names = {environment[variable]: key for variable, key in tables.items()}
    return {name: (key, dynamodb.scan(TableName=name)["Items"]) for name, key in names.items()}


def put_back(dynamodb: Any, snapshot: Snapshot) -> None:
    """Nothing is left of what was written since."""
    for table, (key, items) in snapshot.items():
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={key: item[key]})
        for item in items:
            dynamodb.put_item(TableName=table, Item=item)
