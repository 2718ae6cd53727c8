"""An answer to come, taken by a function the moment it is there, or waited for.

A future tells who waits in the next turn of the event loop: a turn costs as much as the step that it leads to.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ValueT = TypeVar("ValueT")


class Pending(Generic[ValueT]):
    """One answer, a value or an error, for one taker: `then`, or whoever awaits it. Later ones are dropped."""

    __slots__ = ("_error", "_future", "_then", "_value")

    def __init__(self) -> None:
        self._value: ValueT | None = None
        self._error: BaseException | None = None
        self._then: Callable[[Pending[ValueT]], None] | None = None
        self._future: asyncio.Future[None] | None = None

    def done(self) -> bool:
        """Tell whether the answer is there, or nobody waits for it any more."""
        if self._value is not None or self._error is not None:
            return True
        return self._future is not None and self._future.done()

    def result(self) -> ValueT:
        """Give the answer. Raises the error where it is one, asyncio.InvalidStateError where there is none yet."""
        if self._error is not None:
            raise self._error
        if self._value is None:
            raise asyncio.InvalidStateError("there is no answer yet")
        return self._value

    def then(self, take: Callable[[Pending[ValueT]], None]) -> None:
        """Have the answer taken by a function when it comes. It must raise nothing; what is there comes in a turn."""
        if self._value is None and self._error is None:
            self._then = take
        else:
            asyncio.get_running_loop().call_soon(take, self)

    def set_result(self, value: ValueT) -> None:
        """Give the answer to who takes it."""
        if self._value is None and self._error is None:
            self._value = value
            self._tell()

    def set_exception(self, error: BaseException) -> None:
        """Give an error to who takes the answer."""
        if self._value is None and self._error is None:
            self._error = error
            self._tell()

    def _tell(self) -> None:
        take, self._then = self._then, None
        if take is not None:
            take(self)
        elif self._future is not None and not self._future.done():
            self._future.set_result(None)

    def __await__(self) -> Generator[object, None, ValueT]:
        if self._value is None and self._error is None:
            self._then = None
            self._future = asyncio.get_running_loop().create_future()
            yield from self._future.__await__()
        return self.result()
