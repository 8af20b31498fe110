"""Questions to the database that must not hang what asks them.

In a thread apart: commands of clients share one, and whether a process lives must
not depend on theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from channels.db import database_sync_to_async
from django.db import Error

Answer = TypeVar("Answer")


class DatabaseProbe(Generic[Answer]):
    """Asks one question; who asks while it is under way gets the same answer.

    So however many ask, one thread and one connection are used.
    """

    def __init__(self, question: Callable[[], Answer], timeout_s: float) -> None:
        self._question = question
        self._timeout_s = timeout_s
        self._executor: ThreadPoolExecutor | None = None
        self._task: asyncio.Task[Answer | None] | None = None

    async def ask(self) -> Answer | None:
        """What it answers; None when it does not, or takes longer than the timeout."""
        task = self._task
        if task is None or task.done() or not _is_of_this_loop(task):
            task = asyncio.create_task(self._run(), name="database probe")
            self._task = task
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        return task.result() if task in done else None

    async def _run(self) -> Answer | None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "database probe")
        call = database_sync_to_async(
            self._question, thread_sensitive=False, executor=self._executor
        )
        try:
            answer: Answer = await call()
        except Error:
            return None
        return answer


def _is_of_this_loop(task: asyncio.Task[Answer]) -> bool:
    return task.get_loop() is asyncio.get_running_loop()
