"""Whatever the platform quotes in a refusal: no token, number or link gets into a log or a row."""

from collections.abc import Callable

import pytest

from tests.calls.telling import LINK, end, ring, settle
from tests.deployment import Deployment, payment

PHONE = "13155550175"


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429])
def test_a_refusal_that_quotes_what_it_was_told_is_kept_without_that(
    deployment: Deployment, logged: Callable[[], str], status: int
) -> None:
    page, simulator = deployment.connect(4564), deployment.simulator
    deployment.clock.advance(minutes=2)
    partner, chain = simulator.partner_token, simulator.crm_token
    told = {
        "status": (partner,),
        "payment": (partner,),
        "event": (partner, chain, PHONE),
        "history": (partner, chain.upper(), PHONE, LINK),
    }
    for route, quoted in told.items():
        message = f"Not {', '.join(quoted)}!"
        simulator.fault(route, "status", status=status, message=message, times=2)
    assert ring(deployment, page.pbx_key, phone=f"+{PHONE}") != "sent"
    end(deployment, page.pbx_key, phone=f"+{PHONE}", call_id="c-2", recording_url=LINK)
    settle(deployment)
    deployment.bill(payment())
    deployment.reconcile()
    kept = logged() + "".join(
        str(deployment.rows(table)) for table in ("PACE_TABLE", "PAYMENTS_TABLE")
    )
    kept += "".join(it["why"] for it in deployment.rows("CALLS_TABLE") if "why" in it)
    kept += "".join(it["verdict"] for it in deployment.rows("CONNECTIONS_TABLE"))
    assert f"{status} Not …" in kept
    assert [it for it in (partner, chain, PHONE, LINK) if it.lower() in kept.lower()] == []
