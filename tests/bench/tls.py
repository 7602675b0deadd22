"""TLS in front of the emulator and of the simulator, as it is in front of AWS and the platform."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

_AT_ONCE = 65536
# In which the word that a connection ends has surely been sent.
_GOODBYE_S = 0.05


class Front:
    """Passes on what comes over TLS to a server without, and its answers.

    Attributes:
        url: its own, which stands for that of the server.
    """

    def __init__(self, server: str, certificate: Path) -> None:
        self._server = urlsplit(server)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator["Front"]:
        """Serves until the block ends."""
        listening = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._tls)
            self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            listening.set()

        def run() -> None:
            task = self._loop.create_task(serve())
            task.add_done_callback(lambda _: None)
            self._loop.run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        listening.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    def hang_up(self) -> None:
        """Ends all connections, as servers do with those that were idle for long."""

        async def close() -> None:
            for writer in list(self._open):
                writer.close()
            await asyncio.sleep(_GOODBYE_S)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        theirs, ours = await asyncio.open_connection(self._server.hostname, self._server.port)
        try:
            await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))
        finally:
            self._open.discard(writer)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while said := await source.read(_AT_ONCE):
            target.write(said)
            await target.drain()
    with suppress(OSError, RuntimeError):
        target.close()
