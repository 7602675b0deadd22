"""The connect page in a real Chromium, inside a frame of another site, as Altegio shows it."""
