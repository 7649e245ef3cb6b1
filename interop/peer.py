"""What the programs here share: Panda3D set up for a test, events out, and a sure end.

A program prints one JSON object a line, {"event": …}. It ends when its work is done, when its stdin closes,
and at the latest when the watchdog fires, with a traceback on stderr. A failed check is an exception: exit code 1.
"""
import argparse
import faulthandler
import json
import os
import socket
import threading
import time

from panda3d.core import (ConnectionWriter, Datagram, NetAddress, NetDatagram, PointerToConnection,
                          QueuedConnectionListener, QueuedConnectionManager, QueuedConnectionReader, loadPrcFileData)

LIFETIME = 600.0     # seconds; far more than any program here needs
PATIENCE = 120.0     # seconds without anything arriving while something must
QUEUE = 1_000_000    # Panda3D drops what does not fit in a queue, 50,000 items by default

# A poll reads until nothing is ready. With a limit, a close between readiness and service aborts the process.
loadPrcFileData("", "net-max-poll-cycle -1")

_stdin_closed = threading.Event()


def guard():
    """Starts the watchdog, and the watch on stdin."""
    faulthandler.dump_traceback_later(LIFETIME, exit=True)

    def watch():
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        _stdin_closed.set()
        time.sleep(60)
        os._exit(3)  # the program is stuck somewhere

    threading.Thread(target=watch, daemon=True).start()


def running():
    return not _stdin_closed.is_set()


def emit(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def port_of(rendezvous):
    """The port that the system chose. No Panda3D call tells it, but the descriptor knows."""
    view = socket.socket(fileno=rendezvous.getSocket().GetSocket())
    try:
        return view.getsockname()[1]
    finally:
        view.detach()


def options(description, **extra):
    """Parses the command line: the header size, where to listen or to connect, and the program's own flags."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--header-size", type=int, default=2, choices=(2, 4))
    parser.add_argument("--connect", type=int, metavar="PORT", help="connect to this port; without it, listen")
    for name, settings in extra.items():
        parser.add_argument("--" + name.replace("_", "-"), **settings)
    return parser.parse_args()


class Peer:
    """A manager with a listener, a reader and a writer, all polled (0 threads)."""

    def __init__(self, header_size):
        self.manager = QueuedConnectionManager()
        self.listener = QueuedConnectionListener(self.manager, 0)
        self.reader = QueuedConnectionReader(self.manager, 0)
        self.writer = ConnectionWriter(self.manager, 0)
        for queue in (self.manager, self.listener, self.reader):
            queue.setMaxQueueSize(QUEUE)
        self.reader.setTcpHeaderSize(header_size)
        self.writer.setTcpHeaderSize(header_size)

    def listen(self):
        rendezvous = self.manager.openTCPServerRendezvous("127.0.0.1", 0, 128)
        if not rendezvous:
            raise RuntimeError("cannot listen")
        self.listener.addConnection(rendezvous)
        emit("listening", port=port_of(rendezvous))

    def connect(self, port):
        connection = self.manager.openTCPClientConnection("127.0.0.1", port, 60000)
        if not connection:
            raise RuntimeError(f"cannot connect to port {port}")
        return self.adopt(connection)

    def adopt(self, connection):
        connection.setNoDelay(True)  # else a round trip waits 40 ms for an acknowledgement
        self.reader.addConnection(connection)
        return connection

    def link(self, port):
        """The one connection of a program that has one: to the port, or else the first that is accepted."""
        if port is not None:
            connection = self.connect(port)
            emit("connected")
            return connection
        self.listen()
        deadline = time.monotonic() + PATIENCE
        while running() and time.monotonic() < deadline:
            self.wait()
            for connection in self.accepted():
                emit("connected")
                return connection
        raise TimeoutError("nobody connects")

    def wait(self):
        """Returns when a socket is readable, or after a moment, so that the end of stdin is seen."""
        self.manager.waitForReaders(0.05)

    def accepted(self):
        if self.listener.newConnectionAvailable():
            rendezvous, address, connection = PointerToConnection(), NetAddress(), PointerToConnection()
            while self.listener.getNewConnection(rendezvous, address, connection):
                yield self.adopt(connection.p())

    def received(self):
        """Takes what has arrived."""
        if self.reader.dataAvailable():  # polls; getData only takes
            datagram = NetDatagram()
            while self.reader.getData(datagram):
                yield datagram
                datagram = NetDatagram()

    def lost(self):
        """Takes the connections that the other side ended."""
        connection = PointerToConnection()
        while self.manager.resetConnectionAvailable() and self.manager.getResetConnection(connection):
            yield connection.p()

    def receive_some(self):
        """Waits until something has arrived, and takes it."""
        deadline = time.monotonic() + PATIENCE
        while running():
            self.wait()
            taken = list(self.received())
            if taken:
                return taken
            if time.monotonic() > deadline:
                raise TimeoutError("nothing arrives")
        raise TimeoutError("stdin closed while something had to arrive")

    def receive(self, count):
        """Waits for so many datagrams and no more."""
        taken = []
        while len(taken) < count:
            taken += self.receive_some()
        if len(taken) > count:
            raise AssertionError(f"{len(taken)} datagrams instead of {count}")
        return taken

    def send(self, payload, connection):
        datagram = payload if isinstance(payload, Datagram) else Datagram(payload)
        if not self.writer.send(datagram, connection):
            raise ConnectionError("send failed")
