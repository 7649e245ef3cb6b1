// Package queuednet is networking for programs that own their loop: games,
// game servers, simulations. Goroutines of the library do the waiting and put
// what they get into queues; the program polls them once a frame and never
// waits, and no code of the program ever runs on a goroutine of the library, but
// the handler of a Config.Logger, Config.Control, the function of BeginClientConnection, and what
// the program has adopted: the methods of its sockets, and so the callbacks of a
// tls.Config.
//
// It is Panda3D's queued connection model, names included, and speaks its wire
// format: a Go server serves unmodified Panda3D clients, and the reverse.
//
// A frame of a server, whose manager has Config.ReportClosed set:
//
//	for conn := range listener.NewConnections() {
//		players[conn] = newPlayer(conn)
//		reader.AddConnection(conn)
//	}
//	for datagram := range reader.Datagrams() {
//		players[datagram.Connection()].handle(datagram.Iterator())
//	}
//	for conn := range manager.ResetConnections() { // who has left, and who was kicked
//		log.Print(conn.Address(), " left: ", conn.Err())
//		delete(players, conn)
//	}
//	world.Step()
//	writer.Broadcast(world.State(), maps.Keys(players))
//
// A kick, CloseConnection in the middle of the drain, needs no care there: a player leaves
// when its end is reported, which is after its last datagram.
//
// Between two frames it sleeps, or waits in WaitForReaders. A loop that does
// neither takes a processor for itself. If that is the only one (GOMAXPROCS=1),
// Datagrams and GetData that find nothing 64 times within 10 ms let other goroutines
// run, those that read and write among them; round trips are slower than over a
// loop that sleeps. DataAvailable alone does not: call runtime.Gosched beside it.
//
// # What is promised
//
// Each of these is a test of its own (TestPromise01… to TestPromise10…).
//
//  1. Nothing in a frame waits. Every call returns without waiting for the
//     network, a peer, a full queue or a name look-up, except those whose
//     documentation says BLOCKS.
//  2. A drain ends. A loop that drains a queue takes what was queued when it
//     began; it can be left half-way and goes on next frame.
//  3. TCP loses, reorders and merges nothing. When the program is slow, its
//     peers are slowed by TCP itself.
//  4. The end of a connection is reported once, after its last datagram, with
//     the reason; for a connection that the program closed itself only with
//     Config.ReportClosed.
//  5. The last message before a close arrives: closing writes what was sent and
//     drains what the peer still sends, in the background, within CloseTimeout.
//  6. A bad peer costs only itself. Memory per connection is bounded both ways.
//  7. The same bytes as Panda3D in both directions.
//  8. Idle costs nothing: polling an idle queue is an atomic load or two,
//     whatever the number of connections.
//  9. Everything ends: Close of the manager returns with no goroutine left but
//     what its documentation names.
//  10. No panic, neither from a peer's bytes nor from a call at the wrong
//     moment: an error, or false.
//
// They hold on every kind of socket, which conformance/TABLE.md shows cell by cell;
// what one of them cannot do stands at AdoptConnection.
//
// # Goroutines
//
// On Linux one goroutine of a manager carries all plain TCP connections that the
// library has opened or accepted; a connection that is idle, or whose peer takes
// nothing, has none. Any other connection, as one of TLS, one that was adopted, one
// of which NetConn was called, and all of them on other systems, has a goroutine of
// its own, a UDP connection two, and one more while the peer does not take what
// is written to it at once. A rendezvous has one. A few write for the loop, one
// looks now and then after what was written and has not arrived, and while
// connections are refused one tells
// Config.Logger. Methods may be called from any goroutine, except those of
// Datagram, NetDatagram, DatagramIterator and NetAddress, which are plain
// values.
//
// The wire format is in PROTOCOL.md, the differences from Panda3D in PORTING.md.
package queuednet
