// Command server is the server of the page "Client-Server Connection" of
// Panda3D's manual, call for call and by the page's names, with the messages of
// its next page, "Transmitting Data". Nine of its calls are missing in old copies
// of the page; they are marked here with (9).
//
// It prints each message that a client sends, sends it on to all clients, and
// says who comes and who goes. Ctrl-C ends it.
//
//	go run ./examples/server [-address host] [-port 9099] [-header 2|4]
//
// What the page forgets and a server needs is here too, marked with (+): all
// that is queued is taken in each frame, lost clients are noticed, and the
// clients are really closed in the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/internal/task"
)

func main() { cli.Main("server", run) }

const (
	frameRate = 60

	// What a message is for is its first byte.
	printMessage = 1
)

type server struct {
	stdout io.Writer

	cManager  *queuednet.QueuedConnectionManager
	cListener *queuednet.QueuedConnectionListener
	cReader   *queuednet.QueuedConnectionReader
	cWriter   *queuednet.ConnectionWriter

	tcpSocket         *queuednet.Connection
	activeConnections []*queuednet.Connection // whom a broadcast goes to
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	address := flags.String("address", "", "the `host` to listen on, by number or name; all interfaces without it")
	port := flags.Int("port", 9099, "the TCP `port` to listen on; 0 for any that is free")
	header := flags.Int("header", 2, "the `bytes` of the length before each datagram, 2 or 4, as the clients have it")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	if *header != 2 && *header != 4 {
		return fmt.Errorf("-header cannot be %d, only 2 or 4", *header)
	}

	cManager := queuednet.NewQueuedConnectionManager(&queuednet.Config{TCPHeaderSize: *header})
	s := &server{
		stdout:    stdout,
		cManager:  cManager,
		cListener: queuednet.NewQueuedConnectionListener(cManager),
		cReader:   queuednet.NewQueuedConnectionReader(cManager),
		cWriter:   queuednet.NewConnectionWriter(cManager),
	}
	defer cManager.Close() // for the returns before the last one
	if err := s.listen(*address, *port); err != nil {
		return err
	}

	var taskMgr task.Manager
	taskMgr.Add(s.tskListenerPolling, "Poll the connection listener", -39)
	taskMgr.Add(s.tskReaderPolling, "Poll the connection reader", -40)
	taskMgr.Add(s.tskResetPolling, "Poll the lost connections", -38) // (+)
	taskMgr.Run(ctx, frameRate)

	s.terminate()
	return cManager.Close() // (+) waits until the last messages have arrived
}

// listen opens the rendezvous.
func (s *server) listen(host string, port int) (err error) {
	const backlog = 1000 // who may wait for the next frame; later ones are kept waiting by the system
	if host == "" {
		s.tcpSocket, err = s.cManager.OpenTCPServerRendezvous(port, backlog)
	} else {
		var address queuednet.NetAddress
		if err := address.SetHost(host, port); err != nil {
			return err
		}
		s.tcpSocket, err = s.cManager.OpenTCPServerRendezvousAt(address, backlog)
	}
	if err != nil {
		return err
	}
	if err := s.cListener.AddConnection(s.tcpSocket); err != nil { // (9)
		return err
	}
	fmt.Fprintln(s.stdout, "listening on", s.tcpSocket.LocalAddress())
	return nil
}

// tskListenerPolling welcomes who has come. The page asks once a frame, so that
// a hundred clients take a hundred frames; a loop takes all of them. It ends:
// who comes meanwhile is for the next frame.
func (s *server) tskListenerPolling() task.Result {
	for s.cListener.NewConnectionAvailable() {
		// The page's rendezvous and netAddress are methods of the connection here.
		newConnection, ok := s.cListener.GetNewConnection()
		if !ok {
			continue
		}
		s.activeConnections = append(s.activeConnections, newConnection)
		fmt.Fprintln(s.stdout, "+", newConnection.Address())
		// Without this nothing is read. It fails only where the client has gone
		// already, which is tskResetPolling's to say.
		_ = s.cReader.AddConnection(newConnection)
	}
	return task.Cont
}

// tskReaderPolling takes the datagrams: all that are queued, as above.
func (s *server) tskReaderPolling() task.Result {
	var datagram queuednet.NetDatagram // each one is taken into the memory of the last
	for s.cReader.DataAvailable() {
		// The result matters where several goroutines drain one reader: another
		// may have been faster.
		if s.cReader.GetData(&datagram) {
			s.myProcessDataFunction(&datagram) // (9)
		}
	}
	return task.Cont
}

// tskResetPolling forgets who has gone (+). It is told of each end once, when the
// last datagram of that client has been taken.
func (s *server) tskResetPolling() task.Result {
	for s.cManager.ResetConnectionAvailable() {
		lost, ok := s.cManager.GetResetConnection()
		if !ok {
			continue
		}
		if i := slices.Index(s.activeConnections, lost); i >= 0 {
			s.activeConnections = slices.Delete(s.activeConnections, i, i+1)
		}
		fmt.Fprintf(s.stdout, "- %v: %v\n", lost.Address(), lost.Err())
	}
	return task.Cont
}

// myProcessDataFunction prints a client's message and sends it on.
func (s *server) myProcessDataFunction(netDatagram *queuednet.NetDatagram) {
	sender := netDatagram.Connection().Address()
	myIterator := netDatagram.Iterator()
	msgID := myIterator.GetUint8()
	var messageToPrint string
	if msgID == printMessage {
		messageToPrint = myIterator.GetString()
	}
	// One look at the iterator's error is enough, before anything is done.
	switch err := myIterator.Err(); {
	case err != nil:
		fmt.Fprintf(s.stdout, "%v: broken message: %v\n", sender, err)
	case msgID != printMessage:
		fmt.Fprintf(s.stdout, "%v: unknown message %d\n", sender, msgID)
	default:
		fmt.Fprintf(s.stdout, "%v: %s\n", sender, cli.Printable(messageToPrint))
		s.broadcast(messageToPrint)
	}
}

// broadcast sends a message to all clients. cWriter.Broadcast is the short way.
func (s *server) broadcast(text string) {
	myDatagram := myNewDatagram(text)
	for _, aClient := range s.activeConnections {
		// It fails only where the client has gone, which is tskResetPolling's to say.
		_ = s.cWriter.Send(myDatagram, aClient) // (9)
	}
}

func myNewDatagram(text string) *queuednet.Datagram {
	myDatagram := new(queuednet.Datagram)
	myDatagram.AddUint8(printMessage)
	myDatagram.AddString(text)
	return myDatagram
}

// terminate ends the connections to all clients and stops listening.
func (s *server) terminate() {
	for _, aClient := range s.activeConnections {
		s.cReader.RemoveConnection(aClient) // (9)
		s.cManager.CloseConnection(aClient) // (+) the page no longer reads its clients, but never tells them
	}
	s.activeConnections = nil               // (9)
	s.cManager.CloseConnection(s.tcpSocket) // (9)
}
