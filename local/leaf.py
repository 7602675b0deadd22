"""A page of the local stack that only shows something: letters, events, alarms."""

from html import escape

_STYLE = (
    ":root{color-scheme:light dark;background:light-dark(#fff,#14171c);"
    "color:light-dark(#1d2330,#e8ebf1)}body{font:16px/1.4 system-ui,sans-serif;max-width:64em;"
    "margin:2em auto;padding:0 1em}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
    "table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.4em .6em;"
    "border-top:1px solid light-dark(#ccc,#444)}"
    # A phone shows a row's cells below each other.
    "@media(max-width:40rem){tr:has(th){display:none}tr,td{display:block}tr{padding:.5em 0;"
    "border-top:1px solid light-dark(#ccc,#444)}td{border:0;padding:.1em .6em}}"
)


def leaf(title: str, body: str, *, style: str = "", refresh_s: int = 0) -> str:
    """The page.

    Args:
        title: its name and headline.
        body: HTML below that.
        style: more CSS, of this page only.
        refresh_s: after so many seconds the browser loads it anew; 0 for never.
    """
    fresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    name = escape(title)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{fresh}'
        f'<link rel="icon" href="data:,"><title>{name}</title><style>{_STYLE}{style}</style>'
        f"<main><h1>{name}</h1>{body}</main>"
    )
