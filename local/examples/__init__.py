"""What is the company's own, as an example: its customer portal and its mail."""
