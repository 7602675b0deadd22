"""The domain and its adapters: connect flow, payment ledger, lifecycle truth.

Rules are pure: `redirect`, `lifecycle`, `payment`, `lookup`, `cover`, `webhook`, `billing`.
Adapters do the I/O: `altegio`, `connections`, `accounts`, `tickets`, `ledger`, `queues`.
Use cases join them: `connecting`, `disabling`, `paying`, and `reconciling`, which calls
`settling`, `watching`, `looking` and `erasing`. `wiring` alone knows all of them.
"""

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Imports leave hardly any garbage, and looking for it is a twentieth of a cold start.
    # `wiring.once` turns it on again.
    gc.disable()
