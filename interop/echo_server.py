"""A Panda3D server that sends each datagram back where it came from, until its stdin closes."""
import peer


def main():
    options = peer.options(__doc__, collect={"action": "store_true", "help": "collect what one round echoes"})
    peer.guard()
    server = peer.Peer(options.header_size)
    server.listen()
    lost, connections, datagrams = set(), [], 0
    while peer.running():
        server.wait()
        for connection in server.accepted():
            if options.collect:
                connection.setCollectTcp(True)
                connection.setCollectTcpInterval(60.0)
            connections.append(connection)
        for datagram in server.received():
            datagrams += 1
            server.writer.send(datagram, datagram.getConnection())
        if options.collect:
            for connection in connections:
                if connection not in lost:
                    connection.flush()
        for connection in server.lost():
            if connection not in lost:
                lost.add(connection)
                peer.emit("reset", lost=len(lost))
    peer.emit("done", connections=len(connections), datagrams=datagrams)


if __name__ == "__main__":
    main()
