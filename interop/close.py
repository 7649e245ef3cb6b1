"""The ends of a connection, as Panda3D causes them and as it sees them. One role a run:

closer    sends the numbered datagrams and closes at once
resetter  sends them, waits for one datagram in answer, and ends the connection with a RST
half      sends them and then half a datagram, and waits to be killed
watcher   takes what arrives until the connection is reset, and tells what it got
"""
import time

from panda3d.core import Datagram

import peer

NUMBERED = 500


def number_off(link, connection):
    for number in range(NUMBERED):
        datagram = Datagram()
        datagram.addUint32(number)
        datagram.addString("number %d" % number)
        link.send(datagram, connection)


def closer(link, connection):
    number_off(link, connection)
    peer.emit("closing", ok=link.manager.closeConnection(connection), sent=NUMBERED)


def resetter(link, connection):
    number_off(link, connection)
    link.receive(1)
    connection.setLinger(True, 0)
    peer.emit("closing", ok=link.manager.closeConnection(connection), sent=NUMBERED)


def half(link, connection):
    number_off(link, connection)
    announced = 1000
    header = announced.to_bytes(link.writer.getTcpHeaderSize(), "little")
    link.writer.setRawMode(True)
    link.send(header + bytes(announced // 2), connection)
    peer.emit("half", sent=NUMBERED)
    while peer.running():
        time.sleep(0.05)


def watcher(link, connection):
    taken = []
    deadline = time.monotonic() + peer.PATIENCE
    while not any(lost == connection for lost in link.lost()):
        if time.monotonic() > deadline or not peer.running():
            raise TimeoutError(f"no reset; {len(taken)} datagrams")
        link.wait()
        taken += [bytes(datagram).hex() for datagram in link.received()]
    taken += [bytes(datagram).hex() for datagram in link.received()]
    peer.emit("reset", datagrams=taken, closed=not link.reader.isConnectionOk(connection))


def main():
    roles = {role.__name__: role for role in (closer, resetter, half, watcher)}
    options = peer.options(__doc__, role={"required": True, "choices": roles})
    peer.guard()
    link = peer.Peer(options.header_size)
    connection = link.link(options.connect)
    roles[options.role](link, connection)


if __name__ == "__main__":
    main()
