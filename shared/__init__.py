"""The domain and its adapters: connect flow, payment ledger, lifecycle truth.

Rules are pure (`redirect`, `lifecycle`, `payment`, `webhook`, `billing`), adapters do the I/O
(`altegio`, `connections`, `accounts`, `tickets`, `ledger`, `queues`), use cases join them
(`connecting`, `settling`, `paying`, `reconciling`), and `wiring` alone knows all of them.
"""
