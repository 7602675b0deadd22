"""`python -m ops deploy ENV`: an environment, from questions to a stack that answers.

An environment is one application in one region of one account: a part of samconfig.toml, a stack,
and secrets below `/altegio/ENV/`. So staging, production and other applications stand side by side.
"""
