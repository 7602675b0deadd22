"""The accounts of the telephony company's customers, found again by Altegio user id.

Or by the id that the company's own portal has for them. Equal e-mail addresses prove nothing, as
nobody says that Altegio verifies them; one that was proven (see `one_time_code`) tells whom to ask.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import countries
from shared.aws.dynamodb import (
    is_refused,
    read_as,
    reading,
    retried,
    row,
    to_item,
    to_value,
    transacted,
    typed,
)
from shared.clock import instant, stamp
from shared.connections import pbx_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the telephony company."""

    account_id: str
    altegio_user_id: int
    name: str
    email: str
    phone: str
    created_at: str
    last_seen_at: str
    # Of the key of its PBX (see `pbx_key`); empty if it has none.
    pbx_key_digest: str = ""
    # When it was made; empty if that was before this was kept.
    pbx_key_at: str = ""
    # Digests of keys that it has replaced, and until when each is good, or was.
    replaced_pbx_keys: Mapping[str, str] = field(default_factory=dict)
    # Other Altegio users who have proven that the account is theirs as well.
    linked_user_ids: tuple[int, ...] = ()
    # What the company's portal calls it, which then says whose it is; empty without a portal.
    portal_account_id: str = ""
    # Of numbers that name none, ISO 3166 with two letters; empty if nobody has said.
    country: str = ""
    # Locations by their lines: see `calls.lines`. They stand here because a call reads the account
    # anyway, so that a line that is entered costs it no read.
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def pointers(self) -> list[str]:
        """Keys of the rows that lead to it, but for that of its e-mail address."""
        if self.portal_account_id:
            return [_of_portal(self.portal_account_id)]
        return [_of_user(user_id) for user_id in (self.altegio_user_id, *self.linked_user_ids)]


def made(
    altegio_user_id: int,
    *,
    name: str,
    email: str,
    phone: str,
    country: str,
    now: datetime,
    portal_account_id: str = "",
) -> Account:
    """A new account of an Altegio user, or of a customer of the portal, that is not stored yet."""
    return Account(
        account_id=str(uuid.uuid4()),
        altegio_user_id=altegio_user_id,
        name=name,
        email=email,
        phone=phone,
        country=country,
        created_at=stamp(now),
        last_seen_at=stamp(now),
        portal_account_id=portal_account_id,
    )


class Accounts:
    """One row per account and one per Altegio user, portal account or address that points to it."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def of_user(self, altegio_user_id: int) -> Account | None:
        """The account of an Altegio user; None if there is none yet."""
        return self._pointed_at(_of_user(altegio_user_id))

    def of_portal(self, portal_account_id: str) -> Account | None:
        """The account of a customer of the portal; None if there is none yet."""
        return self._pointed_at(_of_portal(portal_account_id))

    def of_email(self, email: str) -> Account | None:
        """The account whose owner has proven that this address is his; None if there is none."""
        return self._pointed_at(_of_email(email)) if email else None

    def of_id(self, account_id: str) -> Account | None:
        """The account of an id; None if there is none."""
        row = self._get(f"account#{account_id}")
        if row is None:
            return None
        return _account(row)

    def give_key(
        self,
        account: Account,
        digest: str,
        now: datetime,
        beside: Sequence[Any] = (),
        *,
        voids: bool = False,
    ) -> bool:
        """Keeps the hash of another key of an account's PBX.

        Args:
            account: whose, as it was read.
            digest: see `pbx_key`.
            now: the present moment.
            beside: what is written in the transaction, too, or neither is.
            voids: whether those before are void at once; else they are good for a while.

        Returns:
            False if it has got another key since it was read, or is gone.
        """
        kept, before = account.pbx_key_digest, account.replaced_pbx_keys
        values = {
            ":digest": digest,
            ":now": stamp(now),
            ":kept": kept,
            ":replaced": pbx_key.replaced(kept, before, now, voids=voids),
        }
        update = self._part(
            account.account_id,
            "pbx_key_digest = :digest, pbx_key_at = :now, replaced_pbx_keys = :replaced",
            # The same once more is AWS's client, which has got no answer.
            "attribute_exists(#key) AND (attribute_not_exists(pbx_key_digest)"
            " OR pbx_key_digest = :kept OR pbx_key_digest = :digest)",
            to_item(values),
        )
        return not self._refused([{"Update": update}, *beside])

    def registration(self, account: Account) -> list[Any]:
        """Parts of a transaction that stores a new account; it fails if its owner has one by now.

        They are written together with its first location, as nothing else ends an account.
        """
        [pointer] = account.pointers
        row = {"key": f"account#{account.account_id}", **asdict(account)}
        return [self._new(pointer, account), self._put(row)]

    def set_country(self, account_id: str, country: str, beside: Sequence[Any] = ()) -> bool:
        """Takes the country of numbers that name none; False if the account is gone.

        What is `beside` it in the transaction is written too, or neither is.
        """
        values = {":country": to_value(country)}
        update = self._part(account_id, "country = :country", "attribute_exists(#key)", values)
        return not self._refused([{"Update": update}, *beside])

    def set_lines(
        self, account: Account, lines: Mapping[str, int], beside: Sequence[Any] = ()
    ) -> bool:
        """Writes an account's lines anew; False if they have changed since, or it is gone.

        What is `beside` it in the transaction is written too, or neither is.
        """
        values = {":after": dict(lines), ":before": dict(account.lines)}
        same = "#lines = :before"
        if not account.lines:
            # Accounts from before there were lines.
            same = f"(attribute_not_exists(#lines) OR {same})"
        update = self._part(
            account.account_id,
            "#lines = :after",
            f"attribute_exists(#key) AND {same}",
            to_item(values),
            {"#lines": "lines"},
        )
        return not self._refused([{"Update": update}, *beside])

    def forget_lines(self, account_id: str, location_id: int) -> None:
        """Removes the lines of a location; if the account is being changed, they stay dead."""
        account = self.of_id(account_id)
        if account is None or location_id not in account.lines.values():
            return
        self.set_lines(account, {key: it for key, it in account.lines.items() if it != location_id})

    def own_email(self, account: Account) -> None:
        """Lets its address lead to the account, as its owner has proven that it is his.

        Of several accounts with one address, the first keeps it.
        """
        self._refused([self._new(_of_email(account.email), account)])

    def link(self, account: Account, altegio_user_id: int, now: datetime) -> bool:
        """Lets another Altegio user in, who has proven that the account is his; he was seen `now`.

        Returns:
            False if he has one already, or the account has changed or is gone.
        """
        linked = (*account.linked_user_ids, altegio_user_id)
        return not self._refused(
            [
                self._new(_of_user(altegio_user_id), account),
                self._if_not_seen(
                    account,
                    "linked_user_ids = :linked, last_seen_at = :now",
                    {":linked": list(linked), ":now": stamp(now)},
                ),
            ]
        )

    def hand_over(self, account: Account, portal_account_id: str, now: datetime) -> bool:
        """Makes an account that was registered on our page one of a customer of the portal.

        From then on the portal says who comes in, and no Altegio user does by himself.

        Returns:
            False if that customer has one already, or the account has changed or is gone.
        """
        [pointer] = replace(account, portal_account_id=portal_account_id).pointers
        self._forget_email(account)
        gone = [
            {"Delete": {"TableName": self._table, "Key": {"key": to_value(each)}}}
            for each in account.pointers
        ]
        return not self._refused(
            [
                self._new(pointer, account),
                # Whoever erases it at this moment has read other pointers.
                self._if_not_seen(
                    account,
                    "portal_account_id = :portal, linked_user_ids = :none, last_seen_at = :now",
                    {":portal": portal_account_id, ":none": [], ":now": stamp(now)},
                ),
                *gone,
            ]
        )

    def seen(self, account: Account, now: datetime) -> bool:
        """Notes that the owner is back, which keeps the account from being erased under him.

        False if it was erased a moment ago: then he is new.
        """
        values = {":now": to_value(stamp(now))}
        return self._update(
            account.account_id, "last_seen_at = :now", "attribute_exists(#key)", values
        )

    def erase(self, account_id: str, *, unless_seen_since: datetime) -> datetime | None:
        """Deletes an account and what finds it, unless its owner was here since.

        Returns:
            When he was here, if that keeps the account; None if the account is gone.
        """
        row = self._get(f"account#{account_id}")
        if row is None:
            return None
        account = _account(row)
        if account.last_seen_at > stamp(unless_seen_since):
            return instant(account.last_seen_at)
        self._forget_email(account)
        gone = {
            "Delete": {
                "TableName": self._table,
                "Key": {"key": to_value(f"account#{account_id}")},
                "ConditionExpression": "last_seen_at = :seen",
                "ExpressionAttributeValues": {":seen": to_value(account.last_seen_at)},
            }
        }
        pointers = [
            {"Delete": {"TableName": self._table, "Key": {"key": to_value(pointer)}}}
            for pointer in account.pointers
        ]
        # If refused, he was seen between the two, or another run erased: the next look tells.
        return instant(account.last_seen_at) if self._refused([gone, *pointers]) else None

    def _forget_email(self, account: Account) -> None:
        """Before all else: no address may stay behind. Another account's pointer is not touched."""
        pointer = {
            "TableName": self._table,
            "Key": {"key": to_value(_of_email(account.email))},
            "ConditionExpression": "account_id = :id",
            "ExpressionAttributeValues": {":id": to_value(account.account_id)},
        }
        self._refused([{"Delete": pointer}])

    def _new(self, pointer: str, account: Account) -> Any:
        return self._put({"key": pointer, "account_id": account.account_id})

    def _put(self, values: dict[str, Any]) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_item(values),
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "key"},
            }
        }

    def _refused(self, items: list[Any]) -> bool:
        """Writes all or nothing; returns whether it was nothing."""
        return bool(transacted(self._dynamodb, items))

    def _pointed_at(self, pointer: str) -> Account | None:
        row = self._get(pointer)
        return self.of_id(row["account_id"]) if row else None

    def _part(
        self,
        account_id: str,
        update: str,
        condition: str,
        values: Any,
        names: Mapping[str, str] | None = None,
    ) -> Any:
        """What sets an account's fields, if the condition holds."""
        return {
            "TableName": self._table,
            "Key": {"key": to_value(f"account#{account_id}")},
            "UpdateExpression": f"SET {update}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#key": "key", **(names or {})},
            "ExpressionAttributeValues": values,
        }

    def _if_not_seen(self, account: Account, update: str, values: Mapping[str, Any]) -> Any:
        """The part of a transaction that does so if its owner was not here since it was read."""
        condition, seen = "attribute_exists(#key) AND last_seen_at = :seen", account.last_seen_at
        typed = to_item({**values, ":seen": seen})
        return {"Update": self._part(account.account_id, update, condition, typed)}

    def _update(self, *part: Any) -> bool:
        """Does what is in `_part`; False if the condition does not hold."""
        try:
            retried(lambda: self._dynamodb.update_item(**self._part(*part)))
        except ClientError as error:
            if is_refused(error):
                return False
            raise
        return True

    def _get(self, key: str) -> dict[str, Any] | None:
        return row(self._dynamodb, self._table, {"key": key})


def _of_user(altegio_user_id: int) -> str:
    return f"altegio-user#{altegio_user_id}"


def _of_portal(portal_account_id: str) -> str:
    return f"portal#{portal_account_id}"


def _of_email(email: str) -> str:
    # Hashed, as a key is read by whoever looks at the table.
    return f"email#{hashlib.sha256(email.strip().casefold().encode()).hexdigest()}"


def _account(row: dict[str, Any]) -> Account:
    with reading(row.pop("key")):
        account = typed(Account, read_as(row, {"linked_user_ids": tuple, "lines": dict}))
        _ = [*map(instant, account.replaced_pbx_keys.values())]
        return replace(
            account,
            # Accounts from before they had one have that of their phone.
            country=account.country or countries.of_phone(account.phone),
        )
