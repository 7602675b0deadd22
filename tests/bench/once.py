"""Runs a handler once, as a cold start does, and ends: what callgrind counts.

    python once.py HANDLER EVENT.json ANSWER.json

It is run by the bare interpreter, so it uses the standard library only.
"""

import importlib
import json
import os
import sys
from pathlib import Path


class Context:
    """What the handlers read of Lambda's context."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "6bc28136-xmpl-4365-b021-0ce6b2e64ab0"

    def get_remaining_time_in_millis(self) -> int:
        return 55_000


if __name__ == "__main__":
    _, handler, event, answer = sys.argv
    module, _, name = handler.rpartition(".")
    run = getattr(importlib.import_module(module), name)
    Path(answer).write_text(json.dumps(run(json.loads(Path(event).read_text()), Context())))
    sys.stdout.flush()
    os._exit(0)  # Lambda never takes an interpreter apart, so that is not counted
