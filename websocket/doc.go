// Package websocket lets browsers, and whatever else speaks WebSocket, be
// players of a [queuednet] program. A [Server] is an HTTP handler whose clients
// come out of a QueuedConnectionListener like all others; [Dial] is the client
// for Go programs, in a browser (GOOS=js) as elsewhere.
//
//	server, err := websocket.NewServer(&websocket.ServerOptions{Config: config})
//	…
//	rendezvous, err := manager.AdoptRendezvous(server)
//	listener.AddConnection(rendezvous)
//	http.Handle("/play", server)
//
// # The protocol
//
// One binary message is one datagram, without a header: a page in plain
// JavaScript needs a WebSocket and a DataView, little-endian, and nothing else.
//
//	const socket = new WebSocket("wss://example.com/play", "datagrams.queuednet")
//	socket.binaryType = "arraybuffer"
//
// That is the subprotocol [Datagrams]. The other one, [Stream], carries the bytes
// of a TCP connection, headers included. A client that offers neither is refused.
//
// The package needs the Config of the manager, to know the header that the
// manager writes before each datagram, and to take it off. A reader or a writer that
// was set to another size, or to raw mode, answers queuednet.ErrHeaderSize; Stream
// carries all of them.
//
// # Ends
//
// Each end is reported once, with its reason, on both sides. The reason is told
// to the peer as a status: 1000 for a connection that the program closed, which
// the peer's manager reports as [io.EOF]; 1001 if the server was closed before;
// 1008 for a limit that the peer has broken; 1009 for a datagram that is too
// long; 1003 for a text message; 1011 for what was given up, as with a full send
// queue. The peer's manager reports these as a [*CloseError]. A tab that is closed
// says 1001. Without a closing message, as when a process dies or a network
// breaks, the status is 1006. A page in a browser may send 1000 and 3000 to 4999
// only, so that Dial there sends 4008 for 1008 and so on.
//
// A WebSocket is closed whole: no peer can end what it sends and go on reading, as
// it can over TCP. With Datagrams nothing arrives of a message that was cut off, so
// that io.ErrUnexpectedEOF is an end of Stream alone.
//
// # Costs
//
// What a connection has read and the manager has not taken is at most 64 KiB and
// one datagram, beside Config.MaxReceiveQueue; then its peer is slowed by TCP. In
// the other direction it holds at most the beginning of one datagram. A server's
// connection has one goroutine beside the manager's, and buffers of 8 KiB that
// net/http and the WebSocket library made. Messages that the manager writes in
// one piece leave in one system call. Messages are not compressed.
//
// # In a browser
//
// A page cannot slow a server down: what its program does not take is kept, up to
// DialOptions.MaxUnread, and then the connection ends with [ErrUnread]. In the
// other direction nothing differs: the browser gets at most 64 KiB more than it
// has sent, the rest counts for Config.MaxSendQueue.
//
// A hidden tab gets no animation frames, so that a game loop stands still and
// drains nothing, while the server goes on sending and the browser goes on
// answering its pings. After MaxReceiveQueue and MaxUnread the connection ends.
// Timers are slowed to one a second, after minutes to one a minute, but messages
// still wake goroutines. So let one of them drain while the page is hidden:
//
//	for manager.WaitForReaders(ctx) == nil {
//		mu.Lock()
//		if hidden() { // document.hidden
//			drain() // as the game loop does, without drawing
//		}
//		mu.Unlock()
//		time.Sleep(50 * time.Millisecond) // at most so often; browsers make it longer
//	}
//
// or tell the server to send less on the event "visibilitychange".
package websocket
