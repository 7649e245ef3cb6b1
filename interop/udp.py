"""Panda3D over UDP: an echo server, or, with --connect, a client that puts one through a battery."""
import socket
import struct
import zlib

from panda3d.core import Datagram, NetAddress

import peer

NUMBERED = 3_000
IN_FLIGHT = 20      # of up to 1500 bytes: what the system's buffers hold for sure
LONGEST = 1500      # that Panda3D receives
LONGER = [1501, 2000, 9000, 65505]  # that it sends all the same


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def free_port(host):
    """A port that nobody has at the moment. Panda3D binds no socket to port 0."""
    family = socket.AF_INET if host == "127.0.0.1" else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def open_bound(manager, host):
    """A socket on one address, or, with an empty host, on all of both versions."""
    for _ in range(20):  # somebody else may take the port meanwhile
        port = free_port(host)
        connection = manager.openUDPConnection(host, port) if host else manager.openUDPConnection(port)
        if connection:
            return connection, port
    raise RuntimeError("cannot open a UDP socket")


def serve(server, host):
    connection, port = open_bound(server.manager, host)
    server.reader.addConnection(connection)
    peer.emit("listening", port=port)
    datagrams = 0
    while peer.running():
        server.wait()
        for datagram in server.received():
            if datagram.getConnection() != connection:
                raise AssertionError("a datagram of another connection")
            if not server.writer.send(datagram, connection, datagram.getAddress()):
                raise ConnectionError("send failed")
            datagrams += 1
    peer.emit("done", sent=datagrams)


class Client:
    def __init__(self, client, host, port):
        self.peer = client
        self.address = NetAddress()
        if not self.address.setHost(host, port):
            raise RuntimeError(f"no address {host}")
        self.connection = client.manager.openUDPConnection(0)
        client.reader.addConnection(self.connection)

    def send(self, payload):
        if not self.peer.writer.send(Datagram(payload), self.connection, self.address):
            raise ConnectionError("send failed")

    def answer(self):
        (datagram,) = self.peer.receive(1)
        if datagram.getAddress().getPort() != self.address.getPort():
            raise AssertionError(f"an answer from {datagram.getAddress()}")
        return bytes(datagram)

    def sizes(self, tried):
        for size in tried:
            self.send(pattern(size))
            answer = self.answer()
            if answer != pattern(size):
                raise AssertionError(f"{size} bytes came back as {len(answer)} different ones")
        return len(tried)

    def numbered(self):
        """Some in flight: on this machine all come back, in order."""
        sent = received = 0
        while received < NUMBERED:
            while sent < NUMBERED and sent - received < IN_FLIGHT:
                self.send(struct.pack("<I", sent) + pattern(sent % 1400))
                sent += 1
            for echo in self.peer.receive_some():
                if bytes(echo) != struct.pack("<I", received) + pattern(received % 1400):
                    raise AssertionError(f"number {received} came back as another one")
                received += 1
        return received

    def longer(self):
        """More than Panda3D receives: the other side answers with length and CRC."""
        for size in LONGER:
            self.send(pattern(size))
            length, crc = struct.unpack("<II", self.answer())
            if (length, crc) != (size, zlib.crc32(pattern(size))):
                raise AssertionError(f"{size} bytes arrived as {length}")
        return len(LONGER)


def main():
    options = peer.options(__doc__, host={"default": "", "help": "the address; listening, all of them by default"},
                           raw={"action": "store_true", "help": "raw mode: no sums"})
    peer.guard()
    end = peer.Peer(options.header_size)
    end.reader.setRawMode(options.raw)
    end.writer.setRawMode(options.raw)
    if options.connect is None:
        serve(end, options.host)
        return
    client = Client(end, options.host or "127.0.0.1", options.connect)
    smallest = 1 if options.raw else 0  # an empty packet says nothing
    peer.emit("passed", scenario="sizes", count=client.sizes([smallest, 2, 255, 256, 1000, LONGEST - 1, LONGEST]))
    peer.emit("passed", scenario="numbered", count=client.numbered())
    peer.emit("passed", scenario="longer", count=client.longer())
    if any(end.lost()):
        raise AssertionError("a UDP connection was lost")
    peer.emit("done")


if __name__ == "__main__":
    main()
