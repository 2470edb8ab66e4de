"""A TCP proxy that delays, stalls or cuts what goes through it, on command: a network that can be told to be bad.

It runs an asyncio loop in a thread of its own, because the tests that use it are synchronous.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

#: The most that is read at once.
_PIECE = 65536


class Proxy:
    """Listens at a free port and passes on to another.

    :ivar delay_s: how much later everything arrives on the other side, each way. It may be changed at any time.
    :param target: the port, on this machine, that it leads to.
    """

    def __init__(self, target: int, delay_s: float = 0.0) -> None:
        self.target = target
        self.delay_s = delay_s
        self.port = 0
        self._open = True
        self._flowing: asyncio.Event
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._wait(self._listen())

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        self._wait(self._cut())

    def stall(self) -> None:
        """Pass nothing on, but keep what comes: a network that swallows packets without a word."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def heal(self) -> None:
        """Everything goes through again, what was kept first."""
        self._open = True
        self._loop.call_soon_threadsafe(self._flowing.set)

    def close(self) -> None:
        """End it."""
        if self._thread.is_alive():
            self._wait(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self._open:
                raise ConnectionError
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._writers.add(sink)
            # Between the two: pieces with the moment they are due, so that a delay costs no throughput.
            pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)
            self._keep(self._take(source, pieces))
            self._keep(self._give(pieces, sink))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, source: asyncio.StreamReader, pieces: asyncio.Queue[tuple[float, bytes]]) -> None:
        piece = b"more"
        while piece:
            try:
                piece = await source.read(_PIECE)
            except OSError:
                piece = b""
            await pieces.put((self._loop.time() + self.delay_s, piece))

    async def _give(self, pieces: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        try:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flowing.wait()
                if not piece:
                    break
                sink.write(piece)
                await sink.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(sink)
            sink.close()
