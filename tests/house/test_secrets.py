"""What is committed holds no secret."""

import os
import re
from pathlib import Path

from tests.house.source import PROJECT

LOOKS_LIKE_A_SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|gh[pousr]_[A-Za-z0-9]{36}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|Bearer [A-Za-z0-9._-]{20,}"
    r"|aws_secret_access_key\s*=\s*[\"'][A-Za-z0-9/+]{40}"
)


def test_no_secret_is_committed() -> None:
    skipped = {".git", ".venv", "build", ".aws-sam", "__pycache__", ".hypothesis"}
    seen = 0
    for folder, folders, files in os.walk(PROJECT):
        folders[:] = [name for name in folders if name not in skipped and "cache" not in name]
        for name in files:
            path = Path(folder) / name
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue
            seen += 1
            assert not LOOKS_LIKE_A_SECRET.search(text), f"{path.relative_to(PROJECT)}"
    assert seen > 50
