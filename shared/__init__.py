"""What the functions are made of, a room for each subject; docs/architecture.md shows the rooms."""

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Imports leave hardly any garbage, and looking for it is a twentieth of a cold start.
    # `aws.session.once` turns it on again.
    gc.disable()
