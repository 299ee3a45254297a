"""What a generated validator raises."""


class Invalid(ValueError):
    """``pointer`` (RFC 6901) is the first place of the document that breaks its schema, ``message`` says how."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer or 'the document'}: {message}")
        self.pointer = pointer
        self.message = message


def escape(key: str) -> str:
    """``key`` as a token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
