"""The domain and its adapters: connect flow, payment ledger, lifecycle truth.

Rules are pure (`redirect`, `lifecycle`, `payment`, `lookup`, `webhook`, `billing`), adapters do
the I/O (`altegio`, `connections`, `accounts`, `tickets`, `ledger`, `queues`, `partner_token`), use cases
join them (`connecting`, `disabling`, `paying`; `reconciling`, which calls `settling`, `looking` and
`erasing`), and `wiring` alone knows all of them.
"""

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Imports leave hardly any garbage, and looking for it is a twentieth of a cold start.
    # `wiring.once` turns it on again.
    gc.disable()
