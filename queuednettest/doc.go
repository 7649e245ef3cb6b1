// Package queuednettest is for the tests of programs on queuednet: connections in
// memory, without sockets of the system, that behave as TCP and UDP do. In a bubble
// of testing/synctest a test takes no time: an idle timeout of an hour passes at
// once, and a delay of 100 milliseconds is exactly that. It works outside of bubbles
// too, in real time.
//
// # Which to use
//
// Where the program under test makes its own managers, its server adopts a [Listener]
// and its client dials it:
//
//	synctest.Test(t, func(t *testing.T) {
//		listener := queuednettest.NewListener(t, nil)
//		rendezvous, err := server.AdoptRendezvous(listener)
//		pending := client.BeginClientConnection(listener.Dial, time.Second)
//		…
//	})
//
// Where the test plays one end of a connection, Join of the listener returns an [End]:
// a manager with its queues, and a few calls that wait. So a test says to a server
// what it likes, well-behaved or not:
//
//	client := listener.Join(nil)
//	err := client.Writer.Send(hello, client.Conn)
//	answer := client.Next().Iterator()
//	reason := client.Ended().Err()
//
// Where it plays both, as for messages and their order, there are [Pair] and
// [UDPPair]:
//
//	server, client := queuednettest.Pair(t, nil)
//	err := client.Writer.Send(hello, client.Conn)
//	datagram := server.Next()
//
// A bad line is a Network of package simulate, handed to any of them and changed at
// any time:
//
//	network := simulate.NewNetwork(1)
//	listener := queuednettest.NewListener(t, network)
//	network.StartDelay(100*time.Millisecond, 150*time.Millisecond)
//
// Everything is closed with the test. All managers of this package have
// Config.PoisonViews on, which finds a datagram that is kept without Clone; a
// program that makes its own managers turns it on in its tests.
//
// # Three tests of a game
//
// The repository has a small game (game_server_test.go and game_client_test.go of
// this package: hello with magic and version, snapshots, interpolation, a ship that
// is kept for a player who comes back) and its tests in guide_test.go, to copy from:
//
//   - TestGuideJoin: who may join. The server runs its loop, and the test plays a
//     client with a bad version, a taken name, half a hello.
//   - TestGuideLag and TestGuideLoss: a player with a delay of 100 to 150
//     milliseconds, and one who loses a tenth of all packets. Each frame is looked
//     at: the ship that is shown glides and never goes back. A line that dies
//     without a word is given up after 3 seconds, not after 2.
//   - TestGuideReconnectAndKick and TestGuideBackOff: a player who is cut off comes
//     back to the same ship, one who was kicked does not; without a server the tries
//     are 0, 1, 3, 7, 15 and 23 seconds after the start.
//
// # Time in a bubble
//
// In a bubble time passes only while all its goroutines wait. Three rules follow:
//
//   - A loop that polls must wait somewhere, as a frame does: in time.Sleep, a
//     Ticker, WaitForReaders, or Next and its like here. One that spins stops time.
//   - A manager, listener or network that a test uses is made in its bubble.
//   - At the end of a test no goroutine may be left. What this package makes is
//     closed by then; a loop of the program is ended by the test, and a manager of
//     the program is closed. If something is left, synctest says "deadlock" and
//     shows the goroutines.
//
// synctest.Wait waits until all that was sent has come as far as it comes without
// time passing: after it a test may look into what a loop on another goroutine
// has made of it, once that has had a frame.
package queuednettest
