"""Steps that take back what was done, last first; a failing step never hides the first fault."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Undo:
    """A stack of undo steps: ``push`` after each deed, ``unwind`` on a fault, ``forget`` on success."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def push(self, what: str, step: Callable[[], object]) -> None:
        """Remember ``step``, described by ``what``, for ``unwind``."""
        self._steps.append((what, step))

    def unwind(self, fault: BaseException) -> None:
        """Run all steps, last first; failures become notes of ``fault``."""
        while self._steps:
            what, step = self._steps.pop()
            try:
                step()
            except Exception as error:  # every step must get its turn; what failed is attached
                fault.add_note(f"while undoing ({what}): {error}")

    def forget(self) -> None:
        """The work is done: nothing is taken back any more."""
        self._steps.clear()
