"""Random schedules over the real handlers, judged by what the platform has at the end.

`python -m tests.chaos --help`; `tests/test_chaos.py` runs a few hundred of them.
"""
