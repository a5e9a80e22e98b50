"""A TCP gate between two processes that can break what goes through it."""

import selectors
import socket
import threading


class Gate:
    """Forwards connections of its own port to `target`. cut() resets all; freeze() lets bytes lie, as a dead network
    does, until thaw(); close_door() refuses new connections until open_door()."""

    def __init__(self, target, listen=("127.0.0.1", 0)):
        self.target = target
        self._listener = socket.create_server(listen)
        self.port = self._listener.getsockname()[1]
        self._pairs = {}
        self._frozen = False
        self._refusing = False
        self._lock = threading.Lock()
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        with self._lock:
            for side in list(self._pairs):
                self._reset(side)

    def freeze(self):
        self._frozen = True

    def thaw(self):
        self._frozen = False

    def close_door(self):
        self._refusing = True
        self.cut()

    def open_door(self):
        self._refusing = False

    def close(self):
        self._stop = True
        self._thread.join(5)
        self.cut()
        self._listener.close()

    def _reset(self, side):
        other = self._pairs.pop(side, None)
        if other is not None:
            self._pairs.pop(other, None)
        for end in (side, other):
            if end is None:
                continue
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                end.close()
            except OSError:
                pass

    def _accept(self):
        near, _ = self._listener.accept()
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(self.target, timeout=5)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.setblocking(False)
        with self._lock:
            self._pairs[near] = far
            self._pairs[far] = near

    def _run(self):
        while not self._stop:
            with self._lock:
                sides = [s for s in self._pairs if s.fileno() >= 0]
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                if not self._frozen:
                    for side in sides:
                        selector.register(side, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select(0.05)]
            for source in ready:
                if source is self._listener:
                    self._accept()
                else:
                    self._pass_on(source)

    def _pass_on(self, source):
        with self._lock:
            target = self._pairs.get(source)
        if target is None:
            return
        try:
            data = source.recv(65536)
            if not data:
                raise ConnectionResetError
            target.setblocking(True)
            target.settimeout(5)
            target.sendall(data)
            target.setblocking(False)
        except BlockingIOError:
            return
        except OSError:
            with self._lock:
                self._reset(source)
