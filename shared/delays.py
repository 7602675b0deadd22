"""The delays of several rooms, in seconds; each setting of the name has it as its default."""

LEASE_S = 60.0
"""After which the work of a function that died is taken over; above every timeout."""
RETRY_BASE_S = 30.0
"""First wait of the exponential backoff of what surely was not done."""
HELD_RECHECK_S = 600.0
"""Between two looks at held payments and frozen locations that nothing else wakes."""
LATE_AFTER_S = 3 * 3600.0
"""After which a payment or call that still waits raises an alarm."""
