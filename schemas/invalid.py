"""What a generated validator raises."""

LONGEST_SHOWN = 500


class Invalid(ValueError):
    """``pointer`` (RFC 6901) is the first place of the document that breaks its schema, ``message`` says how.

    The pointer is exact, whatever the keys on its way hold; the message, and the fault as text, are one line.
    """

    def __init__(self, pointer: str, message: str) -> None:
        message = one_line(message)
        super().__init__(f"{one_line(pointer) or 'the document'}: {message}")
        self.pointer = pointer
        self.message = message


def escape(key: str) -> str:
    """``key`` as a token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def one_line(text: str) -> str:
    """``text`` for a terminal or a log: line ends, control characters and the like escaped, its end cut if too long."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}..."
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
