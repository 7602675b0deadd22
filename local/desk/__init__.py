"""What a person does about payments: lists, looks, adopts, sends, closes, replays, probes.

And about locations: tells what happened, foretells what will, compares all with the platform,
uninstalls. And about a signature that does not fit: asks the doctor.

The same commands for the local stack and for a deployed one; `desk` alone knows the difference.
Whatever changes something first shows it with its evidence, and does it only with `--do`. The rules
of each change are in `shared.payment`, the reading of the platform's list in `shared.lookup`, and
what keeps a location on in `shared.cover`.
"""
