"""The simulator as tests, the rehearsal and the local stack hold it in their hands."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from local.simulator import fault_door, guard, neighbours_door, owner_page, page, salons
from local.simulator.faults import Fault, Faults
from local.simulator.limits import Limits
from local.simulator.marketplace import Marketplace
from local.simulator.neighbours import Neighbours
from local.simulator.observation import Observation
from local.simulator.redirect import Owner, redirect_address, spell_locations, user_data
from local.simulator.server import Exchange, Server
from local.simulator.state import Platform, RefusedError
from local.simulator.telephony import Telephony
from local.simulator.webhooks import MODES, Webhooks, payment_sign, wire_number
from local.simulator.wire import Answer, Message, Request, read

CHAIN_ID = 2001


def _now() -> datetime:
    return datetime.now(UTC)


class Simulator(Observation):
    """The platform on the loopback; a context manager, or `start()` and `stop()`.

    Args:
        partner_token: the bearer of partner calls; also signs `user_data` and payments, and marks
            webhooks. May be set later, as when it is rotated.
        user_token: the application's user token, for the business API.
        application_id: the one application that exists.
        port: 0 for a free one.
        redirect_url: `registration_redirect_url` of the application; may be set later.
        callback_url: where lifecycle webhooks go; may be set later.
        paid: a free application never freezes.
        trial_days: from activation; shown to the owner. Time alone freezes nothing: `expire`.
        pending_ttl_s: how long a grant waits for its callback, in seconds (sources say 1 h
            and 12 h: https://support.alteg.io/hc/en-us/articles/6746045060381).
        zone: the IANA zone of all times on the wire; the platform does not say which it is.
        per_s: calls in any second that are not answered with 429; 0 for any number.
        per_min: calls in any minute, the same.

    Attributes:
        salon_group_id: the first chain; all locations belong to it, see `add_chain`.
        crm_token: that chain's telephony token; constant, also across simulators.
        may_list_calls: whether the application has the right to view calls; without it, 403.
        clock_ahead: by how much the platform's clock is ahead of this machine's.
        webhook_mode: what becomes of a webhook that is to be sent "now", see `disconnect`.
        save_after_s: an accepted call is in the list that many seconds later; may be set at any
            time, for the calls that follow.
        drops_get_bodies: whether the body of a GET gets lost on its way, as with some proxies;
            the journal has what was sent.
        neighbours: the billing system and the PBX of the page; None where no stack runs beside it.
        exchange: answers one request, as the port does, for tests that need no port.
    """

    def __init__(
        self,
        *,
        partner_token: str = "local-partner-token",  # noqa: S107 - opens nothing but this
        user_token: str = "local-user-token",  # noqa: S107 - the same
        application_id: int = 101,
        port: int = 0,
        redirect_url: str = "",
        callback_url: str = "",
        paid: bool = True,
        trial_days: int = 7,
        pending_ttl_s: float = 12 * 3600,
        zone: str = "UTC",
        per_s: int = 0,
        per_min: int = 0,
    ) -> None:
        self.partner_token = partner_token
        self.user_token = user_token
        self.application_id = application_id
        self.port = port
        self.redirect_url = redirect_url
        self.callback_url = callback_url
        self.salon_group_id = CHAIN_ID
        self.clock_ahead = timedelta()
        self.webhook_mode = "now"
        self.platform = Platform(
            now=lambda: _now() + self.clock_ahead,
            zone=zone,
            paid=paid,
            trial_days=trial_days,
            pending_ttl_s=pending_ttl_s,
        )
        self.may_list_calls = True
        self.save_after_s: float = 0
        self.drops_get_bodies = False
        self.neighbours: Neighbours | None = None
        self._telephony = Telephony(self.platform, CHAIN_ID, lambda: self.save_after_s)
        self.crm_token = self._telephony.chains()[0].crm_token
        self._faults = Faults()
        self._webhooks = Webhooks(_now)
        self._stopped = threading.Event()
        marketplace = Marketplace(
            self.platform,
            self._emit,
            salons.title,
            telephony=self._telephony,
            may_list_calls=lambda: self.may_list_calls,
        )
        # Its clock may be set later.
        limits = Limits(lambda: self.platform.now(), per_s, per_min)  # noqa: PLW0108 - as above
        self.exchange = Exchange(
            self.platform, marketplace, limits, self._faults, self._read, stopped=self._stopped
        )
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; what happened before a stop is remembered."""
        self._stopped.clear()
        self._server = Server(self.port, self.exchange, self._owner_page)
        self._thread = threading.Thread(target=self._server.serve, name="simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection, waits included."""
        if self._server and self._thread:
            self._stopped.set()
            self._server.stop()
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base of both hosts: `/marketplace/...` and `/api/v1/...`.

        Raises:
            RuntimeError: the simulator is not running.
        """
        if not self._server:
            raise RuntimeError("the simulator is not running")
        return self._server.address

    def set_trial(self, days: int) -> None:
        """The trial as the Cabinet has it; -1 for a free application, which never freezes."""
        self.platform.paid = days >= 0
        self.platform.trial_days = max(days, 0)

    # The owner's side

    def grant(
        self,
        *location_ids: int,
        owner: Owner | None = None,
        form: str = "auto",
        private: bool = False,
    ) -> str:
        """The owner presses Connect and continues.

        Args:
            location_ids: become pending together.
            owner: who presses; the default owner if None.
            form: how the redirect spells the locations, see `redirect.spell_locations`.
            private: active at once. (The platform then calls no redirect; take none.)

        Returns:
            The registration address the browser is sent to.

        Raises:
            ValueError: installed already in one of them; nothing is granted.
        """
        address = self.redirect(*location_ids, owner=owner, form=form)
        self.platform.grant(location_ids, private=private)
        return address

    def redirect(self, *location_ids: int, owner: Owner | None = None, form: str = "auto") -> str:
        """The address of `grant` without granting: the owner opens the settings again.

        It names the chain of the first location.
        """
        locations = spell_locations(location_ids, form)
        chain = self._telephony.chain_of(location_ids[0])
        return redirect_address(
            self.redirect_url,
            locations=locations,
            chain_id=chain.id,
            crm_token=chain.crm_token,
            signed=user_data(owner or Owner(), self.partner_token),
        )

    def disconnect(self, location_id: int, *, webhook: str = "now") -> bool:
        """The owner presses Disconnect; nothing happens where nothing is installed.

        Args:
            location_id: is uninstalled at once.
            webhook: "now", "late" (kept back until `release_webhooks`), "never" or "twice".

        Returns:
            Whether there was something to uninstall.
        """
        _know(webhook)
        is_gone = self.platform.uninstall(location_id, "marketplace")
        if is_gone:
            self._emit("uninstall", location_id, webhook)
        return is_gone

    def expire(self, location_id: int, *, webhook: str = "now") -> None:
        """The trial or the paid period is over: active becomes freezed.

        Raises:
            ValueError: not active, or the application is free.
        """
        _know(webhook)
        self.platform.expire(location_id)
        self._emit("freeze", location_id, webhook)

    def pay_hosted(
        self,
        location_id: int,
        amount: Decimal,
        currency: str = "EUR",
        *,
        discount: Decimal | None = None,
        days: int = 30,
        webhook: str = "now",
    ) -> int:
        """The owner pays on the platform's own page, which thaws a frozen location.

        Args:
            location_id: where.
            amount: what was paid.
            currency: its three letters.
            discount: told, and signed, if there is one; zero is one.
            days: the length of the period, which begins now.
            webhook: as `disconnect` takes it; "never" leaves it to `payment_event`.

        Returns:
            The payment's id.

        Raises:
            ValueError: the application is not installed there.
        """
        _know(webhook)
        begin = self.platform.now()
        try:
            payment_id = self.platform.pay(
                location_id,
                payment_sum=amount,
                currency_iso=currency,
                payment_date=self.platform.wire(begin),
                period_from=self.platform.wire(begin),
                period_to=self.platform.wire(begin + timedelta(days=days, seconds=-1)),
                source="marketplace",
            )
        except RefusedError as refused:
            raise ValueError(refused.message) from None
        event = self.payment_event(location_id, payment_id, discount)
        self._send(event, webhook)
        return payment_id

    def payment_event(
        self, location_id: int, payment_id: int, discount: Decimal | None = None
    ) -> dict[str, Any]:
        """The webhook's body for a payment made on the platform's own page, signed as of now."""
        [paid] = [each for each in self.payments(location_id) if each.id == payment_id]
        # As JSON brought it: a whole number or a decimal.
        amount = wire_number(Decimal(paid.payment_sum))
        reduced = None if discount is None else wire_number(discount)
        return self._event("payment", location_id) | {
            "payment_id": paid.id,
            "amount": amount,
            "currency_iso": paid.currency_iso,
            "discount": reduced,
            "period_from": paid.period_from,
            "period_to": paid.period_to,
            "payment_date": paid.payment_date,
            "tariff_option_id": None,
            "sign": payment_sign(location_id, amount, reduced, self.partner_token),
        }

    def release_webhooks(self) -> int:
        """Send the webhooks kept back as "late"; how many they were."""
        return self._webhooks.release()

    def wait_webhooks(self, timeout: float = 10) -> None:
        """Wait until every webhook on its way was answered or failed.

        Raises:
            TimeoutError: not within `timeout` seconds.
        """
        self._webhooks.wait(timeout)

    def add_chain(self, chain_id: int, *location_ids: int) -> str:
        """Locations belong to another chain from now on; their routing goes with them.

        Returns:
            The chain's `crm_token`; constant, also across simulators.
        """
        return self._telephony.add_chain(chain_id, location_ids).crm_token

    def route(self, location_id: int, *, line: str = "", user: str = "") -> None:
        """The owner routes calls of a line, or of a user, to a location's list.

        A user's route counts more than a line's; lines are compared by their digits. Once a chain
        has any route, its other calls are in no list; before, they are in those of all its
        locations.

        Raises:
            ValueError: neither line nor user.
        """
        self._telephony.route(location_id, line=line, user=user)

    # Faults

    def fault(
        self,
        route: str,
        kind: str,
        *,
        times: int = 1,
        location_id: int | None = None,
        seconds: float = 0,
        status: int = 500,
        message: str = "",
        retry_after: int | None = None,
        crm_token: str = "",
    ) -> Fault:
        """Order a fault for the next fitting requests; `faults.Fault` explains each kind.

        Returns:
            The fault; its `times` is 0 once it is used up.

        Raises:
            ValueError: an unknown route or kind.
        """
        fault = Fault(
            route, kind, times, location_id, seconds, status, message, retry_after, crm_token
        )
        self._faults.order(fault)
        return fault

    def faults(self) -> list[Fault]:
        """Those on order that are not used up."""
        return self._faults.ordered()

    def clear_faults(self) -> None:
        """Forget all faults on order."""
        self._faults.clear()

    def lose_call(self, call_id: str) -> None:
        """As if a call that was accepted had never been saved."""
        self._telephony.lose(call_id)

    def _emit(self, event: str, location_id: int, webhook: str = "now") -> None:
        self._send(self._event(event, location_id), webhook)

    def _send(self, event: dict[str, Any], webhook: str) -> None:
        mode = self.webhook_mode if webhook == "now" else webhook
        self._webhooks.send(self.callback_url, event, mode)

    def _event(self, event: str, location_id: int) -> dict[str, Any]:
        return {
            "salon_id": location_id,
            "application_id": self.application_id,
            "event": event,
            "partner_token": self.partner_token,
        }

    def _read(self, request: Request) -> Message:
        if self.drops_get_bodies and request.method == "GET":
            request = replace(request, body=b"")
        return read(
            request,
            partner_token=self.partner_token,
            user_token=self.user_token,
            application_id=self.application_id,
        )

    def _owner_page(self, request: Request) -> Answer | None:
        """A page, or what a button does; None for what is the platform's."""
        if not guard.guards(request):
            return None
        doors = (page, owner_page, neighbours_door, fault_door)
        # Nothing is pressed by whom it is not for.
        return guard.refusal(request) or next(
            (answered for door in doors if (answered := door.answer(request, self))), None
        )


def _know(webhook: str) -> None:
    if webhook not in MODES:
        raise ValueError(f"unknown webhook mode {webhook!r}, one of {sorted(MODES)}")
