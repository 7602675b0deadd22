#!/bin/sh
# Posts each file of an outbox to /billing: sent/ has what was taken, refused/ what a person has to
# look at, each with its answer; the rest stays for the next run. Run it by cron, every few minutes.
#
#   BILLING_URL  the output BillingUrl of the stack
#   KEY_FILE     one line, "Authorization: Bearer KEY", readable for this user alone
#   OUTBOX       a folder with files of one event, or of a list of them; write each under another
#                name first, and then move it to one that ends in .json
set -eu
cd "$OUTBOX"
mkdir -p sent refused
for file in *.json; do
    [ -e "$file" ] || continue
    # In a file, as every user of the machine can read the arguments of a command.
    status=$(curl --silent --show-error --max-time 60 --header "@$KEY_FILE" \
        --header "Content-Type: application/json" --data-binary "@$file" \
        --output "$file.answer" --write-out "%{http_code}" "$BILLING_URL") || continue
    case $status in
        202) mv -- "$file" "$file.answer" sent/ ;;
        400 | 409 | 413)
            mv -- "$file" "$file.answer" refused/
            echo "$file was refused: see refused/$file.answer" >&2
            ;;
        *) echo "$file was answered $status, and is sent again" >&2 ;;
    esac
done
