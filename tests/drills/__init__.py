"""Incidents planted on a whole stack: whether its alarm fires, and `status` says what mends it."""
