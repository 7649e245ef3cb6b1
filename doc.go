// Package queuednet is networking for programs that own their loop: games, game
// servers, simulations. Goroutines of the library do the waiting and put what
// arrives into queues; the program polls the queues once a frame and never waits.
//
// The model is the queued connection model of Panda3D, names included, and so is
// the wire format: a Go server serves unmodified Panda3D clients, and a Go client
// joins a Panda3D server.
//
// This is one frame of a server, whose manager has Config.ReportClosed set:
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
// A kick, which is CloseConnection in the middle of the drain, needs no care there: the
// player leaves when the end is reported, and that is after the last datagram. The whole
// server is the example "Server" of this package, and a client that connects in the
// background and comes back is the example "Client".
//
// # Index by theme
//
// To begin: [NewQueuedConnectionManager], [Config].
//
//   - A server: [QueuedConnectionManager.OpenTCPServerRendezvous], [NewQueuedConnectionListener].
//   - A client: [QueuedConnectionManager.BeginTCPClientConnection], [PendingConnection],
//     [SplitHostPort].
//   - TLS, WebSockets, proxies, pipes: [QueuedConnectionManager.AdoptRendezvous],
//     [QueuedConnectionManager.AdoptConnection],
//     [QueuedConnectionManager.BeginClientConnection]; browsers: see below.
//   - UDP: [QueuedConnectionManager.OpenUDPConnection],
//     [QueuedConnectionManager.OpenUDPMulticast], [ConnectionWriter.SendTo], [UDPDrops].
//
// In each frame:
//
//   - Who has come: [QueuedConnectionListener.NewConnections].
//   - What has arrived: [NewQueuedConnectionReader], [QueuedConnectionReader.Datagrams],
//     [NetDatagram], [DatagramIterator]; only the newest of it: [RecentConnectionReader].
//   - Who has left, and why: [QueuedConnectionManager.ResetConnections], [Connection.Err],
//     [ErrIdle] and the other reasons.
//   - To send: [NewConnectionWriter], [ConnectionWriter.Send], [ConnectionWriter.Broadcast],
//     [Except], [Datagram].
//   - To wait: [QueuedConnectionManager.WaitForReaders], [QueuedConnectionManager.Notify].
//
// A connection:
//
//   - To end it: [QueuedConnectionManager.CloseConnection], [Connection.Abort].
//   - Whose it is: [Connection.Address], [NetAddress], [Connection.SetUserData].
//   - How it fares: [Connection.Stats], [Connection.RoundTrip].
//   - To send in larger pieces: [Connection.SetCollectTCP], [Connection.Flush].
//   - The system's options: [Connection.SetNoDelay] and its neighbours.
//
// In production:
//
//   - Limits against bad peers: [Config.MaxConnections] and the fields after it, [Refusals].
//   - What the server does: [QueuedConnectionManager.Stats], [Config.Logger], package inspect.
//   - To restart without losing a client: [Connection.ListenerFile].
//   - To end: [QueuedConnectionManager.Close].
//
// Beside this package, in the same module:
//
//   - [github.com/queuednet/queuednet/queuednettest] is for tests of a game without
//     sockets, in virtual time; it has a guide. [github.com/queuednet/queuednet/simulate]
//     has delay and loss.
//   - [github.com/queuednet/queuednet/record] records what a server receives, and replays it.
//   - [github.com/queuednet/queuednet/inspect] is a page for operators.
//   - [github.com/queuednet/queuednet/distributed] has Panda3D's distributed objects, and
//     [github.com/queuednet/queuednet/datagramfile] its files of datagrams.
//
// Modules of their own, because they require more than the standard library:
// [github.com/queuednet/queuednet/websocket] for players in browsers,
// [github.com/queuednet/queuednet/cluster] for a world on several servers, and
// [github.com/queuednet/queuednet/prometheus].
//
// COOKBOOK.md of the repository has recipes, SECURITY.md what an operator on the open
// internet should set, PORTING.md what differs from Panda3D, PROTOCOL.md the wire.
//
// # What is promised
//
//  1. Nothing in a frame waits. Every call returns without waiting for the network, a
//     peer, a full queue or a name look-up, except those whose documentation says BLOCKS.
//  2. A drain ends. A loop that drains a queue takes what was queued when it began. It
//     can be left half-way, and goes on in the next frame.
//  3. TCP loses, reorders and merges nothing. If the program is slow, TCP itself slows
//     the peers.
//  4. The end of a connection is reported once, after its last datagram, with the reason.
//     What has arrived is delivered, whatever went wrong in the other direction. The end
//     of a connection that the program closed itself is reported only with
//     Config.ReportClosed.
//  5. The last message before a close arrives. The library writes what was sent and drains
//     what the peer still sends, in the background, within Config.CloseTimeout. If it must
//     give up bytes that it had accepted for sending, the peer can tell: it sees a reset,
//     never a clean end.
//  6. A bad peer costs only itself, also while it is being thrown out. The memory of each
//     connection is bounded in both directions, and its processor time by the rates of
//     Config.
//  7. The bytes are those of Panda3D, in both directions.
//  8. Idle costs nothing. To poll an idle queue is an atomic load or two, whatever the
//     number of connections. On Linux an idle TCP connection that the library opened or
//     accepted has no goroutine and no buffer.
//  9. Everything ends. Close of the manager returns at most Config.CloseTimeout later, with
//     no goroutine of the library left but those that its documentation names.
//  10. No panic. Neither the bytes of a peer, nor a call at the wrong moment, nor a zero value
//     causes one: the answer is an error, or false.
//  11. Every socket alike. All this holds on plain TCP, TLS, WebSockets, wrappers of proxies,
//     Unix sockets and net.Pipe. What one of them cannot do is named at
//     [QueuedConnectionManager.AdoptConnection], and conformance/TABLE.md in the repository
//     shows it cell by cell.
//
// Promises 1 to 10 are tests of that number, TestPromise01… to TestPromise10…; the eleventh is
// TestMatrix in the directory conformance.
//
// # Calls that block
//
// [QueuedConnectionManager.OpenTCPClientConnection] and
// [QueuedConnectionManager.OpenClientConnection] block up to their timeout,
// [PendingConnection.Wait] and [QueuedConnectionManager.WaitForReaders] up to their context,
// [QueuedConnectionManager.Close] up to Config.CloseTimeout, and [NetAddress.SetHost] for a name
// look-up. No other call of this package blocks.
//
// # The loop
//
// Between two frames the loop sleeps, or waits in WaitForReaders. A loop that does neither takes a
// processor for itself. If that is the only one (GOMAXPROCS=1), Datagrams and GetData let other
// goroutines run, such as those that read and write, once they have found nothing 64 times within
// 10 ms. Round trips are slower then than with a loop that sleeps. DataAvailable does not do this:
// call runtime.Gosched beside it.
//
// # Goroutines
//
// The methods of a Datagram, NetDatagram, DatagramIterator and NetAddress belong to one goroutine at
// a time, as those of any plain value. All other methods may be called from any goroutine, but each
// queue is drained by one at a time.
//
// No goroutine of the library runs code of the program, except what the program hands over for
// that: the handler of Config.Logger, Config.Control, the dial function of BeginClientConnection,
// and the methods of adopted sockets, and so the callbacks of a tls.Config.
//
// On Linux one goroutine of the manager carries all plain TCP connections that the library opened
// or accepted, and accepts at the rendezvous that it opened. A connection has a goroutine of its
// own if it was adopted, if NetConn was called on it, and on any other system; it has one more
// while its peer does not take at once what is written. A rendezvous has one if it was adopted, if
// ListenerFile was called on it, and on any other system. A UDP connection has two. A few
// goroutines write for the loop, one looks now and then at what was written and has not arrived,
// and one tells Config.Logger of refusals while there are some.
package queuednet
