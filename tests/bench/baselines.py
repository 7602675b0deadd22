"""What the functions are compared with. Each is copied into the artifact as a module of its own."""

_AWS = "shared.telemetry, shared.aws.session, shared.aws.dynamodb, shared.altegio.client"
IMPORTS = {
    "bench_imports_a": ("AWS, the platform, the log", _AWS),
    "bench_imports_b": ("and phone numbers", f"{_AWS}, phonenumbers"),
    "bench_imports_c": ("and the rest of calls", f"{_AWS}, phonenumbers, functions.calls.app"),
}
"""What is imported for a call, by module: for the table, and as Python has it."""
BARE = "bench_bare"
CLIENT = "bench_client"

MODULES = {
    BARE: "def handler(event, context):\n    return {}\n",
    CLIENT: (
        "import os\n\nimport boto3\n\n"
        'dynamodb = boto3.client("dynamodb")\n\n\n'
        "def handler(event, context):\n"
        '    key = {"key": {"S": "nobody\'s"}}\n'
        '    dynamodb.get_item(TableName=os.environ["PACE_TABLE"], Key=key)\n'
        "    return {}\n"
    ),
    **{
        module: f"import {names}\n\n\ndef handler(event, context):\n    return {{}}\n"
        for module, (_title, names) in IMPORTS.items()
    },
}
