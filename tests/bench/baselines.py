"""What the functions are compared with. Each is copied into the artifact as a module of its own."""

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
}
