"""One line of text, as people type and paste it: without what cannot be seen."""

# They join the letters of Persian and Hindi, and the parts of an emoji:
# https://www.unicode.org/versions/latest/core-spec/chapter-23/ (Cursive Connection and Ligatures)
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """The same with one plain space for every run of white space, and nothing invisible.

    A no-break or an ideographic space and a tab part words as any other space does.
    """
    seen = (char for char in " ".join(text.split()) if char.isprintable() or char in JOINERS)
    return " ".join("".join(seen).split()).strip(JOINERS)
