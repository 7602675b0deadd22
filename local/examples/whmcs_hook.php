<?php
// WHMCS tells of paid and refunded invoices: put this file into includes/hooks.
//
// It asks nobody but WHMCS itself, and waits for nobody: it writes events into an outbox, which
// post_outbox.sh empties. So a payment page is never slow, and no event is lost, because of us.
//
// https://developers.whmcs.com/hooks-reference/invoices-and-quotes
// https://developers.whmcs.com/api-reference/getinvoice

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

// A folder of its own, outside the web root, that the web server may write to.
const ALTEGIO_OUTBOX = '/var/spool/altegio';
// The custom field of your products that holds the location's number.
const ALTEGIO_FIELD = 'Altegio location';
// As in Setup > General Settings > Localisation, and the zone that your periods are meant in.
const ALTEGIO_DATES = 'd/m/Y';
const ALTEGIO_ZONE = 'UTC';

function altegio_time(string $day, string $time): string
{
    $format = '!' . ALTEGIO_DATES . ' H:i:s';
    $at = DateTimeImmutable::createFromFormat($format, "$day $time", new DateTimeZone(ALTEGIO_ZONE));
    if (!$at || $at->format(ALTEGIO_DATES) !== $day) {
        throw new RuntimeException("no date: $day");
    }
    return $at->format(DATE_ATOM);
}

/** What WHMCS tells. An error, which it answers like anything else, must not pass for nothing. */
function altegio_ask(string $command, array $asked): array
{
    $told = localAPI($command, $asked);
    if (($told['result'] ?? '') === 'error') {
        throw new RuntimeException($told['message'] ?? "$command failed");
    }
    return $told;
}

/** The location of a service; empty if its product has none. */
function altegio_location(int $client, int $service): string
{
    $found = altegio_ask('GetClientsProducts', ['clientid' => $client, 'serviceid' => $service]);
    foreach ($found['products']['product'][0]['customfields']['customfield'] ?? [] as $field) {
        if ($field['name'] === ALTEGIO_FIELD) {
            return trim($field['value']);
        }
    }
    return '';
}

/** One event for each item of an invoice that is of a location. */
function altegio_events(int $id, bool $isRefund): array
{
    $invoice = altegio_ask('GetInvoice', ['invoiceid' => $id]);
    $client = (int) $invoice['userid'];
    $events = [];
    $sum = 0;
    $reduced = null;
    foreach ($invoice['items']['item'] as $item) {
        $location = $item['type'] === 'Hosting' ? altegio_location($client, (int) $item['relid']) : '';
        $sum += (int) round(100 * $item['amount']);
        if ($item['amount'] < 0) {
            $reduced = $item['id'];
        }
        if ($location === '') {
            continue;
        }
        if (!preg_match('~^[1-9][0-9]{0,14}$~D', $location)) {
            throw new RuntimeException("item {$item['id']}: its location is no number");
        }
        $event = "whmcs-$id-{$item['id']}";
        if ($isRefund) {
            $events[] = ['type' => 'refund', 'event_id' => "$event-refund", 'payment_event_id' => $event];
            continue;
        }
        // WHMCS writes the period at the end of the description: "Line 1 (01/11/2026 - 30/11/2026)".
        if (!preg_match('~\(([^()\s]+) - ([^()\s]+)\)~', $item['description'], $days)) {
            throw new RuntimeException("item {$item['id']} tells no period");
        }
        $paid = new DateTimeImmutable($invoice['datepaid'], new DateTimeZone(ALTEGIO_ZONE));
        $details = altegio_ask('GetClientsDetails', ['clientid' => $client]);
        $events[] = [
            'type' => 'payment',
            'event_id' => $event,
            'location_id' => (int) $location,
            'amount' => $item['amount'],
            'currency' => $details['currency_code'],
            'paid_at' => $paid->format(DATE_ATOM),
            'period_from' => altegio_time($days[1], '00:00:00'),
            'period_to' => altegio_time($days[2], '23:59:59'),
        ];
    }
    // A promotion is an item of its own: what was paid for the others is not told.
    if ($events && $reduced !== null) {
        throw new RuntimeException("item $reduced takes something off");
    }
    // Nor with a credit or a tax.
    if ($events && $sum !== (int) round(100 * $invoice['total'])) {
        throw new RuntimeException('its items do not add up to its total');
    }
    return $events;
}

function altegio_tell(int $id, bool $isRefund): void
{
    try {
        $events = altegio_events($id, $isRefund);
    } catch (Throwable $error) {
        logActivity("Altegio: invoice $id was not reported: {$error->getMessage()}");
        return;
    }
    if (!$events) {
        return;
    }
    $file = ALTEGIO_OUTBOX . "/whmcs-$id-" . ($isRefund ? 'refund' : 'payment');
    // Under its name only when it is whole.
    if (file_put_contents("$file.new", json_encode($events)) === false || !rename("$file.new", "$file.json")) {
        logActivity("Altegio: invoice $id could not be written into the outbox");
    }
}

add_hook('InvoicePaid', 1, function (array $vars): void {
    altegio_tell((int) $vars['invoiceid'], false);
});
add_hook('InvoiceRefunded', 1, function (array $vars): void {
    altegio_tell((int) $vars['invoiceid'], true);
});
