"""The signature doctor of the operator."""

import base64
import hashlib
import hmac
import io
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from local.simulator.redirect import Owner
from shared.altegio.signature_doctor import fingerprint
from tests.deployment import Deployment
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("anna")


def forged(deployment: Deployment, key: str, *, over_base64: bool = False) -> str:
    """The address of a redirect whose signature is made anew."""
    address = urlsplit(deployment.simulator.redirect(4564))
    fields = dict(parse_qsl(address.query))
    data = fields["user_data"]
    text = data.encode() if over_base64 else base64.urlsafe_b64decode(data)
    sign = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    return address._replace(query=urlencode({**fields, "user_data_sign": sign})).geturl()


def test_the_doctor_names_the_text_that_was_signed(
    deployment: Deployment, operator: Operator
) -> None:
    token = deployment.simulator.partner_token
    text = operator("doctor", forged(deployment, token, over_base64=True))
    assert "verdict    the signature is over the base64 text of user_data; it has to be" in text
    assert f"signed by  the partner token of test stack ({fingerprint(token)})\n" in text
    assert operator.code == 1
    owner = Owner()
    assert [it for it in (owner.name, owner.email, owner.phone, token) if it in text] == []


def test_the_doctor_ends_with_0_if_the_signature_is_right(
    deployment: Deployment,
    operator: Operator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = deployment.simulator.redirect(4564)
    file = tmp_path / "redirect.txt"
    file.write_text(f"{address}\n")
    query = urlsplit(address).query
    for words, typed in (((address,), ""), ((str(file),), ""), (("-",), query), ((), query)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        assert "verdict    the signature is right\n" in operator("doctor", *words)
        assert operator.code == 0


def test_the_doctor_reads_a_payment_event(deployment: Deployment, operator: Operator) -> None:
    token = deployment.simulator.partner_token
    for amount, code in (("100", 0), ("100.0", 1)):
        message = f"salon_id=4564&amount={amount}"
        sign = hmac.new(token.encode(), message.encode(), hashlib.sha256).hexdigest()
        values = deployment.event(4564, "payment", amount=100.0, discount=None, sign=sign)
        text = operator("doctor", json.dumps(values))
        assert text.startswith("sign of a payment event (test stack)\n")
        assert operator.code == code
    assert "the signature is over sums as they stand in the body" in text


def test_another_token_may_be_typed(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = forged(deployment, "the-new-token")
    assert "Enter it with --ask" in operator("doctor", address)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "the-new-token")
    told = operator("doctor", "--ask", address)
    assert "by the other token, and test stack does not have that one" in told
    assert f"the other token ({fingerprint('the-new-token')})\n" in told
    assert "the-new-token" not in told
    assert operator.code == 1
    # Once it is the stack's own, it is right.
    deployment.set_token("the-new-token")
    assert "the signature is right" in operator("doctor", address)
    assert operator.code == 0


class TestOnMoto:
    """AWS's own words where a parameter is gone."""

    @pytest.fixture
    def deployment(self, on_moto: Deployment) -> Deployment:
        return on_moto

    def test_a_token_that_cannot_be_read_is_told(
        self, deployment: Deployment, operator: Operator
    ) -> None:
        deployment.ssm.delete_parameter(Name="/altegio/partner-token")
        text = operator("doctor", deployment.simulator.redirect(4564))
        assert text.startswith("the partner token of test stack cannot be read")
        assert operator.code == 2
