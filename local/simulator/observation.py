"""What came to the platform, and what has become of it."""

from local.simulator.state import Call, LogEntry, Payment, Platform
from local.simulator.telephony import Chain, PopUp, SavedCall, Telephony
from local.simulator.webhooks import Delivery, Webhooks


class Observation:
    """Whoever holds a simulator looks at it through these."""

    platform: Platform
    crm_token: str
    _telephony: Telephony
    _webhooks: Webhooks

    @property
    def journal(self) -> list[Call]:
        """Every request of the application, in order of arrival (a copy)."""
        return self.platform.journal()

    def calls(self, route: str, location_id: int | None = None) -> list[Call]:
        """The journal of one route ("any" for all), of one location if one is given."""
        return [
            each
            for each in self.journal
            if route in {"any", each.route} and location_id in {None, each.location_id}
        ]

    def state(self, location_id: int) -> str:
        """One of "uninstalled", "pending", "active" and "freezed"."""
        return self.platform.state(location_id)

    def payments(self, location_id: int) -> list[Payment]:
        """All payments of a location, oldest first, across reconnects."""
        return self.platform.payments(location_id)

    def log(self, location_id: int) -> list[LogEntry]:
        """All transitions of a location, oldest first, across reconnects."""
        return self.platform.log(location_id)

    def webhooks(self) -> list[Delivery]:
        """All webhooks that were answered or failed, in that order."""
        return self._webhooks.deliveries()

    def chains(self) -> list[Chain]:
        """The chains, the first one first."""
        return self._telephony.chains()

    def telephony(self, crm_token: str | None = None) -> bool:
        """Whether telephony is enabled in a chain; None for the first chain.

        Raises:
            KeyError: there is no such chain.
        """
        return self._telephony.enabled(crm_token or self.crm_token)

    def pop_ups(self, crm_token: str | None = None) -> list[PopUp]:
        """What a chain was really shown, oldest first; None for the first chain.

        Raises:
            KeyError: there is no such chain.
        """
        return self._telephony.pop_ups(crm_token or self.crm_token)

    def saved_calls(self, location_id: int | None = None) -> list[SavedCall]:
        """The call history in the order it was accepted, listed already or not.

        Args:
            location_id: only what is for that location's list; None for all calls of all chains.
        """
        return self._telephony.saved_calls(location_id)
