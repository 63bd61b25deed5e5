"""Text from outside as a string literal of Milvus' filter language, so that it can never become syntax."""

from __future__ import annotations

from kit.errors import KitError

# These five are all that Milvus' string literals need; JSON and repr escape others, which Milvus then misreads.
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def quote(text: str) -> str:
    r"""The text as a double-quoted literal: `f"namespace == {quote(user)}"`.

    >>> quote('ankush" or namespace != "')
    '"ankush\\" or namespace != \\""'
    """
    if not isinstance(text, str):
        raise KitError(f"Wanted a text to quote in a filter; found {type(text).__name__} {text!r}.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise KitError(f"{text[:40]!a} holds half a surrogate pair, which no stored text can equal.")
    return f'"{text.translate(_ESCAPES)}"'
