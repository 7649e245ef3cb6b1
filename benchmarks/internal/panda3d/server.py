"""A Panda3D server for the benchmarks: one work a run.

Prints {"address": …} when it listens. A line "stats" on stdin is answered with a line of JSON about the time since the
one before it. Ends when stdin closes. A payload begins with 8 bytes, little-endian: the sender above 40 bits of its
datagrams' number; then 8 with the time of day in nanoseconds, where there is room.

drain      takes everything as fast as it comes
frames     takes everything at --hz
echo       sends each datagram back at once
broadcast  sends a datagram of --size to all of --connections at --hz, once they are there
snapshot   takes everything at --hz, and sends one of --size to all of --connections every third frame
"""
import argparse
import json
import os
import socket
import statistics
import struct
import sys
import threading
import time

from panda3d.core import (ConnectionWriter, Datagram, DatagramIterator, NetAddress, NetDatagram, PointerToConnection,
                          QueuedConnectionListener, QueuedConnectionManager, QueuedConnectionReader, loadPrcFileData)

# Panda3D waits with select: a descriptor of 1,024 or above corrupts its memory or ends the process.
MOST_CONNECTIONS = 1_000
QUEUE = 20_000_000  # Panda3D drops what does not fit in a queue, 50,000 items by default
NUMBER_BITS = 40


class Server:
    """Panda3D with all its best settings: a thread each for listener, reader and writer if threaded (more of them
    reorder datagrams), no bounds that are reached, no Nagle."""

    def __init__(self, options):
        self.options = options
        # A poll reads until nothing is ready, which a flood never lets happen.
        loadPrcFileData("", "net-max-poll-cycle %g" % (0.01 if options.work == "drain" else -1))
        self.threaded = options.mode == "threaded"
        threads = 1 if self.threaded else 0
        self.manager = QueuedConnectionManager()
        self.listener = QueuedConnectionListener(self.manager, threads)
        self.reader = QueuedConnectionReader(self.manager, threads)
        self.writer = ConnectionWriter(self.manager, threads)
        for queue in (self.manager, self.listener, self.reader, self.writer):
            queue.setMaxQueueSize(QUEUE)
        self.reader.setTcpHeaderSize(2)
        self.writer.setTcpHeaderSize(2)
        self.connections = []
        self.expected = {}  # the next number of each sender
        self.broadcasts = 0
        self.stats = Stats()
        self.asked = threading.Event()

    def listen(self):
        rendezvous = self.manager.openTCPServerRendezvous("127.0.0.1", 0, 4096)
        if not rendezvous:
            sys.exit("cannot listen")
        self.listener.addConnection(rendezvous)
        # No call of Panda3D tells the port that the system chose, but the descriptor knows.
        view = socket.socket(fileno=rendezvous.getSocket().GetSocket())
        say({"address": "127.0.0.1:%d" % view.getsockname()[1]})
        view.detach()

    def listen_to_stdin(self):
        def watch():
            pending = b""
            while data := os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
                pending += data
                if pending.endswith(b"stats\n"):
                    pending = b""
                    self.asked.set()
            os._exit(0)  # a thread of Panda3D may be stuck in a call

        threading.Thread(target=watch, daemon=True).start()

    def wait(self):
        """Waits for something to take, but not for long."""
        if not self.threaded:
            self.manager.waitForReaders(0.02)
        elif not self.reader.dataAvailable():
            time.sleep(0.00005)  # with threads there is nothing to wait with

    def accept(self):
        if not self.listener.newConnectionAvailable():
            return
        rendezvous, address, connection = PointerToConnection(), NetAddress(), PointerToConnection()
        while self.listener.getNewConnection(rendezvous, address, connection):
            accepted = connection.p()
            accepted.setNoDelay(True)
            self.reader.addConnection(accepted)
            self.connections.append(accepted)
            self.stats.accepted += 1
            check_connections(len(self.connections))

    def take(self, each=None):
        """Takes what has come, and checks that it is in order."""
        if not self.reader.dataAvailable():  # polls; getData only takes
            return
        reader, expected, stats, datagram, count = self.reader, self.expected, self.stats, NetDatagram(), 0
        while reader.getData(datagram):
            count += 1
            number = DatagramIterator(datagram).getUint64()
            sender = number >> NUMBER_BITS
            if expected.get(sender, sender << NUMBER_BITS) != number:
                stats.misplaced += 1
            expected[sender] = number + 1
            if each:
                each(datagram)
        stats.datagrams += count
        if reader.getOverflowFlag():
            reader.resetOverflowFlag()
            stats.dropped = 1

    def echo(self, datagram):
        self.send(datagram, datagram.getConnection())

    def send(self, datagram, connection):
        if self.writer.send(datagram, connection):
            self.stats.sent += 1

    def send_to_all(self):
        size = self.options.size
        payload = struct.pack("<QQ", self.broadcasts, time.time_ns())
        datagram = Datagram((payload + bytes(i * 7 & 255 for i in range(16, size)))[:size])
        self.broadcasts += 1
        for connection in self.connections:
            self.send(datagram, connection)

    def note_lateness(self, begun):
        """Returns what notes how long before the frame a datagram was sent."""
        late = self.stats.late

        def note(datagram):
            fields = DatagramIterator(datagram, 8)
            if fields.getRemainingSize() >= 8:
                late.append(begun - fields.getUint64())
        return note

    def answer(self):
        if self.asked.is_set():
            self.asked.clear()
            say(self.stats.result(len(self.connections)))
            self.stats = Stats()

    def run_waiting(self, each=None):
        while True:
            self.wait()
            self.accept()
            self.take(each)
            self.answer()

    def run_frames(self, frame):
        while len(self.connections) < self.options.connections:
            self.wait()
            self.accept()
            self.answer()
        due, number = time.monotonic(), 0
        while True:
            begun = time.perf_counter()
            self.accept()
            frame(number)
            self.stats.frames.append(time.perf_counter() - begun)
            self.answer()
            number += 1
            due = max(due + 1 / self.options.hz, time.monotonic() - 0.1)
            time.sleep(max(due - time.monotonic(), 0))

    def drain(self):
        self.run_waiting()

    def frames(self):
        self.run_frames(lambda number: self.take(self.note_lateness(time.time_ns())))

    def echoing(self):
        self.run_waiting(self.echo)

    def broadcast(self):
        self.run_frames(lambda number: self.send_to_all())

    def snapshot(self):
        def frame(number):
            self.take()
            if number % 3 == 2:
                self.send_to_all()
        self.run_frames(frame)


class Stats:
    """What happened since the last time somebody asked."""

    def __init__(self):
        self.since, self.cpu = time.monotonic(), time.process_time()
        self.datagrams = self.sent = self.accepted = self.misplaced = self.dropped = 0
        self.frames, self.late = [], []

    def result(self, connections):
        result = {
            "seconds": time.monotonic() - self.since, "cpu_seconds": time.process_time() - self.cpu,
            "datagrams": self.datagrams, "sent": self.sent, "accepted": self.accepted,
            "connections": connections, "misplaced": self.misplaced, "dropped": self.dropped,
        }
        if self.frames:
            result.update(frames=len(self.frames), frame_ms=statistics.median(self.frames) * 1e3)
        if self.late:
            self.late.sort()
            result["late_p99_ms"] = self.late[len(self.late) * 99 // 100] / 1e6
        return result


def say(what):
    os.write(1, json.dumps(what).encode() + b"\n")


def check_connections(number):
    if number > MOST_CONNECTIONS:
        sys.stderr.write("Panda3D waits with select and dies over 1,024 descriptors: at most %d connections, not %d\n"
                         % (MOST_CONNECTIONS, number))
        sys.stderr.flush()
        os._exit(2)


def main():
    works = {"drain": Server.drain, "frames": Server.frames, "echo": Server.echoing, "broadcast": Server.broadcast,
             "snapshot": Server.snapshot}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=("polled", "threaded"))
    parser.add_argument("work", choices=works)
    parser.add_argument("--size", type=int, default=1200)
    parser.add_argument("--hz", type=float, default=60)
    parser.add_argument("--connections", type=int, default=0, help="frames begin when so many are there")
    options = parser.parse_args()
    check_connections(options.connections)
    server = Server(options)
    server.listen_to_stdin()
    server.listen()
    works[options.work](server)


main()
