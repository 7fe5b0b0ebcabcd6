from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from hal.worker import InlineWorker, ThreadWorker, Worker

MAKE = [lambda: ThreadWorker("test"), InlineWorker]


@pytest.mark.parametrize("make", MAKE)
def test_results_and_errors_come_back(make: Callable[[], Worker]) -> None:
    async def story() -> None:
        worker = make()
        assert await worker.run(divmod, 7, 2) == (3, 1)
        assert await worker.run(sorted, [1, 2], reverse=True) == [2, 1]
        with pytest.raises(ZeroDivisionError):
            await worker.run(divmod, 1, 0)
        assert await worker.run(divmod, 9, 2) == (4, 1)
        worker.close()

    asyncio.run(story())


def test_one_at_a_time_in_order_and_off_the_loop() -> None:
    async def story() -> None:
        worker, done, threads = ThreadWorker("test"), list[int](), set[int]()

        def note(number: int) -> None:
            threads.add(threading.get_ident())
            done.append(number)

        await asyncio.gather(*(worker.run(note, number) for number in range(50)))
        assert done == list(range(50))
        assert len(threads) == 1
        assert threading.get_ident() not in threads
        worker.close()

    asyncio.run(story())


def test_a_wait_that_is_cancelled_does_not_stop_the_function() -> None:
    async def story() -> None:
        worker, may_end, ended = ThreadWorker("test"), threading.Event(), threading.Event()

        def work() -> None:
            may_end.wait()
            ended.set()

        waiting = asyncio.create_task(worker.run(work))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        may_end.set()
        assert await worker.run(ended.is_set)
        worker.close()

    asyncio.run(story())


def test_close_waits_for_what_was_handed_in_and_takes_nothing_more() -> None:
    async def story() -> None:
        worker, done = ThreadWorker("test"), list[int]()
        waits = [asyncio.create_task(worker.run(done.append, number)) for number in range(20)]
        await asyncio.sleep(0)
        worker.close()
        assert done == list(range(20))
        with pytest.raises(RuntimeError):
            await worker.run(done.append, 20)
        await asyncio.gather(*waits)

    asyncio.run(story())


def test_close_without_work() -> None:
    ThreadWorker("test").close()


def test_a_function_may_outlive_its_loop() -> None:
    worker, may_end = ThreadWorker("test"), threading.Event()

    async def story() -> None:
        waiting = asyncio.create_task(worker.run(may_end.wait))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(story())
    may_end.set()
    worker.close()
