"""The stack on this machine: what template.yaml says, played around an emulator of AWS."""
