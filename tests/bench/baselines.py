"""What the functions are compared with. Each is copied into the artifact as a module of its own."""

BARE = "bench_bare"
CLIENT = "bench_client"

MODULES = {
    BARE: "def handler(event, context):\n    return {}\n",
    CLIENT: (
        "import boto3\n\n"
        'dynamodb = boto3.client("dynamodb")\n\n\n'
        "def handler(event, context):\n    return {}\n"
    ),
}
