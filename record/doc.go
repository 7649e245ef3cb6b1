// Package record records what a program receives, with its timing, and plays it
// back later through the same loop, so that what was seen in a running server
// happens again in a test.
//
// A [Recorder] takes the place of the reader in the loop. It writes down the datagrams
// that it hands out, and which connections opened and ended. To a program a [Replay] is
// a rendezvous: the recorded connections arrive through it again, with their addresses,
// their datagrams, and the times and reasons of their ends. The loop is the same, line
// by line:
//
//	for conn := range listener.NewConnections() {
//		recorder.Opened(conn)
//		reader.AddConnection(conn)
//	}
//	for datagram := range recorder.Datagrams() { // was: reader.Datagrams()
//		world.handle(datagram.Connection(), datagram.Iterator())
//	}
//	for conn := range manager.ResetConnections() {
//		recorder.Ended(conn)
//		world.remove(conn)
//	}
//
// A program that opens a UDP connection tells the recorder of it too, with Opened. In a
// replay it opens the connection by [Replay.OpenUDPConnection] instead:
//
//	udp, err := manager.OpenUDPConnection(9099) // or replay.OpenUDPConnection()
//	recorder.Opened(udp)
//	reader.AddConnection(udp)
//
// A recording goes to any datagramfile.DatagramSink, and is read from any
// datagramfile.DatagramGenerator: a file, which the program may compress, memory, or a
// connection. Panda3D has no counterpart.
//
// Received of a datagram that is played back is the time at which it is played.
//
// # The layout
//
// A recording is a sequence of datagrams; in a file, one without a header of the
// file's own. The first begins it:
//
//	8 bytes  the text "QNETREC\n"
//	uint16   the version of the layout, 2
//	int64    when it was begun, in microseconds since 1970 UTC
//
// Each other is an event, in the order in which the program learned of it:
//
//	uint8    kind
//	uint32   number of the connection
//	uint64   when, in microseconds since the recording began; it never decreases
//	...      what there is to tell:
//
//	kind 1   opened           string: the peer's address, as in "192.0.2.1:9099"
//	kind 2   datagram         the payload, up to the end of the event
//	kind 3   closed           nothing; the program closed the connection
//	kind 4   ended            string: why, as in "EOF"
//	kind 5   packet           string: the sender's address
//	                          string: the local address that it was sent to, empty if
//	                          it is not known, or the connection's own
//	                          the payload, up to the end of the event
//	kind 6   UDP opened       string: the local address, as in "[::]:9099"
//
// Integers are little-endian, and a string is its length in a uint16 and its
// bytes, as always in a datagram. Connections are numbered from 1 in the order
// in which they were opened, those of UDP included; nothing comes of one that was
// closed or has ended. Of a UDP connection there are packets, of any other datagrams.
// A payload is what the program saw: without header and sum, unless the reader was in
// raw mode. A recording that stops is whole if it stops after an event: a server that
// crashed leaves one that can be played. Version 1, which is still read, has no kinds
// 5 and 6.
package record
