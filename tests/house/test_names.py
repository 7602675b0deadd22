"""Names say what a thing is, and a test is where its module is."""

import ast
import re

from tests.house.source import (
    FUNCTIONS,
    LOCAL,
    MODULES,
    PROJECT,
    PURE,
    SHARED,
    TESTS,
    imports,
    tree,
)

# Modules whose tests have another's name, and where these are.
TESTED_BY = {
    "altegio.history": "calls/test_matching.py",
    "altegio.marketplace": "altegio/test_client.py",
    "altegio.outcome": "altegio/test_client.py",
    "altegio.settings": "test_settings.py",
    "altegio.signature_doctor": "test_doctor.py",
    "altegio.telephony": "calls/test_history.py",
    "aws.dead_letters": "payments/test_refunds.py",
    "aws.dynamodb": "local/stack/test_memory_adapters.py",
    "aws.http": "threats/test_garbled.py",
    "aws.keys": "connect/test_portal.py",
    "aws.letter_box": "ops/test_dead_letters.py",
    "aws.parameters": "altegio/test_tokens.py",
    "aws.ses": "connect/test_one_time_code.py",
    "aws.session": "house/test_cold_start.py",
    "aws.sqs": "local/stack/test_memory_queues.py",
    "aws.sightings": "ops/test_sightings.py",
    "backoff": "connections/test_lifecycle.py",
    "calls.confirm": "calls/test_history.py",
    "calls.dialled": "calls/test_phone_numbers.py",
    "calls.directory": "calls/test_routing.py",
    "calls.hidden_callers": "calls/test_phone_numbers.py",
    "calls.leg": "calls/test_call.py",
    "calls.letter_wishes": "reconcile/test_missed_letters.py",
    "calls.line_entry": "calls/test_routing.py",
    "calls.queue": "calls/test_history.py",
    "calls.refused_keys": "events/test_key_refused.py",
    "calls.settings": "test_settings.py",
    "calls.shown": "connect/test_first_ring.py",
    "calls.table": "calls/test_history.py",
    "chains.chain": "chains/test_switching.py",
    "chains.queue": "chains/test_switching.py",
    "chains.settings": "test_settings.py",
    "chains.table": "chains/test_switching.py",
    "clock": "altegio/test_status.py",
    "connect.account_summary": "connect/test_one_time_code.py",
    "connect.form": "connect/test_flow.py",
    "connect.locations": "connect/test_flow.py",
    "connect.standing": "connect/test_flow.py",
    "connect.tickets": "local/stack/test_memory_adapters.py",
    "connect.view": "functions/connect/test_words.py",
    "connections.accounts": "local/stack/test_memory_adapters.py",
    "connections.connection": "connections/test_lifecycle.py",
    "connections.crm_token": "calls/test_hearing.py",
    "connections.hint": "connections/test_lifecycle_hints.py",
    "connections.journal": "local/stack/test_memory_adapters.py",
    "connections.settings": "test_settings.py",
    "connections.settle": "reconcile/test_webhook.py",
    "connections.table": "local/stack/test_memory_adapters.py",
    "delays": "test_settings.py",
    "events.bus": "events/test_tell.py",
    "events.change": "events/test_tell.py",
    "payments.ledger": "local/stack/test_memory_adapters.py",
    "payments.lookup": "payments/test_resolve_unknown.py",
    "payments.queue": "payments/test_report.py",
    "payments.record_hosted": "payments/test_hosted.py",
    "payments.replay": "payments/test_refunds.py",
    "payments.settings": "test_settings.py",
    "reconcile.census.settings": "test_settings.py",
    "reconcile.census.table": "reconcile/census/test_run.py",
    "reconcile.hint_queue": "reconcile/test_webhook.py",
    "reconcile.letter_texts": "reconcile/test_missed_letters.py",
    "reconcile.schedule": "altegio/test_order.py",
    "roots": "test_trust.py",
    "telemetry": "house/test_logs.py",
}


def test_the_test_of_a_module_stands_where_the_module_does() -> None:
    tests = PROJECT / "tests"
    missing = set()
    for name in MODULES:
        *rooms, stem = name.split(".")
        if not (tests / "/".join(rooms) / f"test_{stem}.py").exists():
            missing.add(name)
    assert missing == set(TESTED_BY)
    for name, file in TESTED_BY.items():
        assert (tests / file).exists(), name


def test_nothing_is_called_a_helper() -> None:
    vague = re.compile(r"utils?|helpers?|managers?|misc|common", re.IGNORECASE)
    for path in (*SHARED, *FUNCTIONS, *LOCAL, *TESTS):
        relative = path.relative_to(PROJECT).with_suffix("")
        named = {*relative.parts} | {
            node.name
            for node in ast.walk(tree(path))
            if isinstance(node, (ast.ClassDef, ast.FunctionDef))
            # The name of a test is a sentence.
            and not node.name.startswith("test_")
        }
        words = {word for name in named for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}
        assert not {word for word in words if vague.fullmatch(word)}, relative


def test_tests_import_what_is_deployed() -> None:
    """A test with its own copy of a handler tests nothing that runs."""
    for path in TESTS:
        defined = {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)}
        assert "handler" not in defined
    tested = {name for path in TESTS for name in imports(path)}
    own = {name for name in PURE if name != "backoff" and not name.endswith(".settings")}
    assert {f"shared.{name}" for name in own} <= tested


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in (*SHARED, *FUNCTIONS, *LOCAL)
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}
