"""`GET /connect` and `POST /connect`: the page on which the owner connects locations."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.connect.page import Page
from shared import web, wiring
from shared.connecting import Form, UnknownTicket
from shared.redirect import BadRedirect, BadSignature
from shared.telemetry import count, logger, metrics

wired = wiring.once(wiring.connecting)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event with the page."""
    connecting, settings = wired()
    page = Page(settings, web.header(event, "accept-language"))
    try:
        request = web.request(event)
        if request.method == "GET":
            return page.visit(connecting.visit(request.raw_query))
        return page.result(connecting.confirm(_form(request)))
    except BadSignature:
        count("ConnectBadSignature")
        return page.bad_signature()
    except BadRedirect as error:
        logger.warning("redirect refused", extra={"why": str(error)})
        return page.bad_redirect(str(error))
    except (UnknownTicket, web.BadBody) as error:
        logger.warning("form refused", extra={"why": type(error).__name__})
        return page.unknown_ticket()


def _form(request: web.Request) -> Form:
    fields = request.form()
    return Form(
        ticket=fields.get("ticket", ""),
        name=fields.get("name", "").strip(),
        email=fields.get("email", "").strip(),
        phone=fields.get("phone", "").strip(),
    )
