"""Names and texts from outside, as a terminal and a page may show them."""

import unicodedata

# Newlines, control characters and lone surrogates would break a line, vanish, or make the file unwritable; the
# bidirectional marks would let a name reorder the text around it. Everything else is shown as it is.
_UNSHOWABLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    r"""The text on one line, each unshowable character as its escape: a newline becomes the two characters `\n`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _UNSHOWABLE_CATEGORIES or character in _BIDI_MARKS
        else character
        for character in text
    )
