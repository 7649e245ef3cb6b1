"""A Panda3D client that puts an echo server through a battery. Each scenario that passes is printed; the first that
fails ends the program."""
import itertools
import struct

import peer

NUMBERED = 20_000
IN_FLIGHT = 1_000   # some 30 KB: a server that blocks in send while this client does too would stop both
CONNECTIONS = 100
COLLECTED = 200


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sizes(client, connection, header_size):
    """Each size alone, there and back."""
    tried = [0, 1, 2, 255, 256, 1000, 65534, 65535] + ([65536, 1_000_000] if header_size == 4 else [])
    for size in tried:
        client.send(pattern(size), connection)
        (echo,) = client.receive(1)
        if bytes(echo) != pattern(size):
            raise AssertionError(f"{size} bytes came back as {len(bytes(echo))} different ones")
    return len(tried)


def numbered(client, connection):
    """Many in flight: all come back, whole and in order."""
    expected = itertools.count()
    sent = received = 0
    while received < NUMBERED:
        while sent < NUMBERED and sent - received < IN_FLIGHT:
            client.send(struct.pack("<I", sent) + pattern(sent % 53), connection)
            sent += 1
        for echo in client.receive_some():
            number = next(expected)
            if bytes(echo) != struct.pack("<I", number) + pattern(number % 53):
                raise AssertionError(f"number {number} came back as {bytes(echo)!r}")
            received += 1
    return received


def connections(client, port):
    """Each connection gets its own echo and no other's."""
    opened = {client.connect(port): b"connection %d" % i for i in range(CONNECTIONS)}
    for connection, payload in opened.items():
        client.send(payload, connection)
    echoes = {echo.getConnection(): bytes(echo) for echo in client.receive(CONNECTIONS)}
    if echoes != opened:
        raise AssertionError(f"{len(echoes)} connections echoed, {CONNECTIONS} opened, or the wrong words")
    for connection in opened:
        client.manager.closeConnection(connection)
    return len(echoes)


def collected(client, connection):
    """Collected sends arrive as they were sent, each a datagram of its own."""
    payloads = [b"collected %d" % i for i in range(COLLECTED)]
    connection.setCollectTcp(True)
    connection.setCollectTcpInterval(60.0)
    for payload in payloads:
        client.send(payload, connection)
    if not connection.flush():
        raise ConnectionError("flush failed")
    if [bytes(echo) for echo in client.receive(COLLECTED)] != payloads:
        raise AssertionError("collected datagrams came back changed")
    connection.setCollectTcp(False)
    return COLLECTED


def main():
    options = peer.options(__doc__)
    peer.guard()
    client = peer.Peer(options.header_size)
    connection = client.connect(options.connect)
    peer.emit("passed", scenario="sizes", count=sizes(client, connection, options.header_size))
    peer.emit("passed", scenario="numbered", count=numbered(client, connection))
    peer.emit("passed", scenario="connections", count=connections(client, options.connect))
    peer.emit("passed", scenario="collected", count=collected(client, connection))
    client.manager.closeConnection(connection)
    if any(client.lost()):
        raise AssertionError("the server ended a connection")
    peer.emit("done")


if __name__ == "__main__":
    main()
