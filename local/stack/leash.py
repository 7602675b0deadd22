"""Runs a module as `python -m` does, and ends it when whoever started it is gone.

    python leash.py MODULE [ARGUMENT ...]

Standard input is the leash: a pipe whose other end the starter alone holds. However the starter
ends, also by SIGKILL, the kernel closes that end and this process leaves. It is started as a
script, by the emulator's interpreter too, so it uses the standard library only.
"""

import os
import runpy
import sys
import threading


def _leave_with_the_starter() -> None:
    while os.read(0, 64):
        pass
    os._exit(0)  # at once: what runs in the main thread may be stuck


if __name__ == "__main__":
    threading.Thread(target=_leave_with_the_starter, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
