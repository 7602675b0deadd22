"""Whatever the platform quotes in a refusal: no token, number or link gets into a log or a row."""

from collections.abc import Callable
from typing import Any

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


@pytest.mark.parametrize(
    "quoted", ["+1 (315) 555-0175", "315.555.0175", "555 01 75", "13155550176", "555-0177"]
)
def test_a_number_is_kept_in_no_form_however_it_is_quoted(
    deployment: Deployment, logged: Callable[[], str], quoted: str
) -> None:
    page = deployment.connect(4564)
    told: dict[str, Any] = {
        "phone": f"+{PHONE}",
        "line": "+13155550176",
        "extension": "13155550177",
    }
    message = f"101 is not {quoted}!"
    deployment.simulator.fault("event", "status", status=422, message=message)
    deployment.simulator.fault("history", "status", status=422, message=message, times=2)
    ring(deployment, page.pbx_key, **told)
    end(deployment, page.pbx_key, call_id="c-2", **told)
    settle(deployment)
    rows = deployment.rows("CALLS_TABLE") + deployment.rows("PACE_TABLE")
    kept = logged() + "".join(it["why"] for it in rows if "why" in it)
    assert "422 101 is not " in kept
    assert quoted not in kept
