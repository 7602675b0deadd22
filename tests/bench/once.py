"""Runs a handler on a few events, as an environment of Lambda does, and ends: callgrind counts.

    python once.py HANDLER EVENTS.json ANSWERS.json

Before each event but the first it prints `NEXT` and waits for a line, so that connections can be
ended meanwhile. It is run by the bare interpreter, so it uses the standard library only.
"""

import importlib
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

NEXT = "-- next --"


class Context:
    """What the handlers read of Lambda's context."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "6bc28136-xmpl-4365-b021-0ce6b2e64ab0"

    def get_remaining_time_in_millis(self) -> int:
        return 55_000


if __name__ == "__main__":
    _, handler, events, answers = sys.argv
    module, _, name = handler.rpartition(".")
    run = getattr(importlib.import_module(module), name)
    # Under callgrind all takes fifty times as long, and each turn at the platform would be missed.
    for late, where in (("_MISSED", "shared.calls.pop_up"), ("_LATE", "shared.altegio.rate_limit")):
        if where in sys.modules:
            setattr(sys.modules[where], late, timedelta(hours=1))
    said = []
    for number, event in enumerate(json.loads(Path(events).read_text())):
        if number:
            print(NEXT, flush=True)
            sys.stdin.readline()
            os.sched_yield()  # callgrind begins to count anew here
        said.append(run(event, Context()))
        os.sched_yield()
    Path(answers).write_text(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # Lambda never takes an interpreter apart, so that is not counted
