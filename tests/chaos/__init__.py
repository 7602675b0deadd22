"""Random schedules over the real handlers, judged by what the platform has at the end.

`python -m tests.chaos --help`; the suite runs a few hundred of them (`tests/test_chaos.py`,
`tests/test_lives.py`).
"""
