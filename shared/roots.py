"""The roots that TLS trusts, laid out by the build so that a connection reads what it needs.

All of certifi takes longer to read than everything else that a connection does, and botocore reads
it again for each one. So there are two more forms of it beside the code: the few roots that AWS is
signed by, and all of them in files that are named for whom they belong to, of which OpenSSL reads
the one that it looks for. Without them, as in a checkout, everything is read: what is trusted never
depends on whether they are there. Each is a part of certifi, or all of it.

https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/
"""

import os

FOLDER = "roots"
OF_AWS = "aws.pem"
BY_NAME = "by-name"

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), FOLDER)  # noqa: PTH118, PTH120  # a function that needs no pathlib loads none


def of_aws(partition: str) -> str | None:
    """A file with the roots of AWS's own servers; None stands for all that there are.

    AWS says so of its public partition only: https://www.amazontrust.com/repository/
    """
    file = os.path.join(_FOLDER, OF_AWS)  # noqa: PTH118  # as above
    return file if partition == "aws" and os.path.isfile(file) else None  # noqa: PTH113  # as above


def by_name() -> str | None:
    """A folder with all roots, for `capath`; None if they are in one file only."""
    folder = os.path.join(_FOLDER, BY_NAME)  # noqa: PTH118  # as above
    return folder if os.path.isdir(folder) else None  # noqa: PTH112  # as above
