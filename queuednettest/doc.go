// Package queuednettest is for the tests of programs on queuednet: connections in
// memory, without sockets of the system, that behave as TCP and UDP do. In a bubble
// of testing/synctest a test takes no time: an idle timeout of an hour passes at
// once, and a delay of 100 milliseconds is exactly that. It works outside of bubbles
// too, in real time.
//
// Where the program under test makes its own managers, its server adopts a Listener
// and its client dials it:
//
//	synctest.Test(t, func(t *testing.T) {
//		listener := queuednettest.NewListener(t, nil)
//		rendezvous, err := server.AdoptRendezvous(listener)
//		pending := client.BeginClientConnection(listener.Dial, time.Second)
//		…
//	})
//
// Where the test plays one of the ends, or both, Join and Pair return an End, which
// is a manager with its queues:
//
//	server, client := queuednettest.Pair(t, nil)
//	err := client.Writer.Send(hello, client.Conn)
//	datagram := server.Next()
//
// A bad line is a Network of package simulate, handed to either. Everything is
// closed with the test. All managers of this package have Config.PoisonViews on; a
// program that makes its own turns it on itself.
//
// In a bubble time passes only while every goroutine waits. A program's loop that
// polls must therefore wait somewhere, in time.Sleep, a Ticker or WaitForReaders,
// as a loop with frames does. synctest.Wait waits until all that was sent has come
// as far as it comes without time passing.
package queuednettest
