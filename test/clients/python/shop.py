"""A shop's server, written against the generated client alone. clients.test.ts runs it and reads what it found."""

import json
import sys

from asyncpay_client import AuthenticatedClient
from asyncpay_client.api.payment_requests import (
    charge_payment_method,
    initiate_payment_request,
    list_payment_requests,
)
from asyncpay_client.models import (
    ChargePaymentMethodBody,
    InitiatePaymentRequestBody,
    PayerActionRequiredError,
    PaymentDeclinedError,
    ValidationFailedError,
)


def shop(base_url, key, declining, asking):
    client = AuthenticatedClient(base_url=base_url, token=key, auth_header_name="Authentication")

    def initiate(amount):
        body = InitiatePaymentRequestBody(
            customer_email="ada@example.com", amount=amount, currency="NGN", save_payment_method=True
        )
        return initiate_payment_request.sync(client=client, body=body, idempotency_key=f"python-{amount}")

    def charge(saved):
        body = ChargePaymentMethodBody(
            customer_uuid=saved["customer"], payment_method_uuid=saved["method"], amount="100"
        )
        return charge_payment_method.sync(client=client, body=body)

    opened = initiate("4500").data
    refused = initiate("-1")
    assert isinstance(refused, ValidationFailedError), refused
    declined = charge(declining)
    assert isinstance(declined, PaymentDeclinedError), declined
    asked = charge(asking)
    assert isinstance(asked, PayerActionRequiredError), asked
    page = list_payment_requests.sync(client=client, page=1, per_page=2, search="ada@").data.payment_requests
    return {
        "opened": {
            "ref": opened.payment_request.ref,
            "status": opened.payment_request.status,
            "action": opened.action,
        },
        "wrongFields": refused.error_data.to_dict(),
        "declined": declined.error_data.reason,
        "confirmAt": asked.error_data.action,
        "listed": [row.ref for row in page.data],
        "next": page.next_cursor,
    }


given = json.loads(sys.argv[1])
print(json.dumps(shop(given["baseUrl"], given["key"], given["declining"], given["asking"])))
