"""The copy of config.json that ``create`` checked and put away: later commands read it as it is."""

from __future__ import annotations

from runtime import jsontext
from runtime.errors import SpecFault
from runtime.spec.integers import write_integers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config


def thaw_config(raw: bytes) -> Config:
    """The configuration that ``raw`` holds, without checks: nobody but its owner could have changed it.

    Leaving out the rules and the validator saves ``start`` and ``delete`` their import.  Raises SpecFault.
    """
    try:
        config: Config = jsontext.decode(raw)
    except jsontext.BadJson as error:
        raise SpecFault(
            "", f"not JSON: {error}", hint="`runf delete --force` removes the container", document="frozen config.json"
        ) from None
    write_integers(config)
    return config
