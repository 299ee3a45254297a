"""Stands for ``encodings`` while the interpreter starts: UTF-8, which is all that runf asks for.

The first thing a starting interpreter imports is that package: three files, two listings, 330 names of encodings.
Together with ``codecs`` that is an eighth of its start.  Beside a link to the interpreter lie this module and
``python3._pth``, the list of its path (``hatch_build.py`` writes both); so this one is found first.  Whoever asks for
another encoding, or for a member of the package, gets the package itself.
"""

import sys
from _codecs import register, utf_8_decode, utf_8_encode

__path__ = [f"{sys.path[-2]}/encodings"]  # its modules are found there as ever: before the last come the library's own


class Encoder:
    """What a text stream writes with (codecs.IncrementalEncoder)."""

    def __init__(self, errors="strict"):
        self.errors = errors

    def encode(self, text, final=False):
        return utf_8_encode(text, self.errors)[0]

    def reset(self):
        """Nothing is kept."""

    def getstate(self):
        return 0

    def setstate(self, state):
        """Nothing is kept."""


class Decoder:
    """What a text stream reads with (codecs.IncrementalDecoder)."""

    def __init__(self, errors="strict"):
        self.errors = errors
        self.rest = b""

    def decode(self, data, final=False):
        data = self.rest + data
        text, used = utf_8_decode(data, self.errors, final)
        self.rest = data[used:]
        return text

    def reset(self):
        self.rest = b""

    def getstate(self):
        return self.rest, 0

    def setstate(self, state):
        self.rest = state[0]


class Codec(tuple):
    """What a look-up has to find (codecs.CodecInfo)."""

    name = "utf-8"
    encode = utf_8_encode
    incrementalencoder = Encoder
    incrementaldecoder = Decoder
    _is_text_encoding = True

    @staticmethod
    def decode(data, errors="strict"):
        return utf_8_decode(data, errors, True)

    @staticmethod
    def streamreader(*stream):
        return whole().search_function("utf_8").streamreader(*stream)

    @staticmethod
    def streamwriter(*stream):
        return whole().search_function("utf_8").streamwriter(*stream)


UTF_8 = Codec((Codec.encode, Codec.decode, Codec.streamreader, Codec.streamwriter))


def search_function(name):
    """As the package's own, which codecs.register(3) describes."""
    return UTF_8 if name in ("utf_8", "utf8") else whole().search_function(name)


def whole():
    """The package, which is found instead of this module from here on."""
    own = sys.modules[__name__]
    if own.__dict__ is globals():
        del sys.modules[__name__]
        sys.path.remove(__file__.rpartition("/")[0])
        own = __import__(__name__)
    return own


def __getattr__(name):
    """A member that is missing here (PEP 562)."""
    if name[:2] == "__":
        raise AttributeError(name)
    return getattr(whole(), name)


register(search_function)
