// Command client is the client of the page "Client-Server Connection" of
// Panda3D's manual, call for call and by the page's names, with the message of
// its next page, "Transmitting Data". Some of its calls are missing in old copies
// of the page; they are marked here with (9), as in the server.
//
// It sends "Hello, world!" and prints each message that comes. It ends with
// Ctrl-C, or when the server has gone.
//
//	go run ./examples/client [-address 127.0.0.1] [-port 9099] [-header 2|4]
//
// What the page forgets and a client needs is here too, marked with (+): all
// that is queued is taken in each frame, and the end of the server is noticed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/internal/task"
)

func main() { cli.Main("client", run) }

const (
	frameRate = 60

	// The server must have answered by then.
	timeout = 3000 * time.Millisecond

	// What a message is for is its first byte.
	printMessage = 1
)

type client struct {
	stdout io.Writer

	cManager *queuednet.QueuedConnectionManager
	cReader  *queuednet.QueuedConnectionReader
	cWriter  *queuednet.ConnectionWriter

	myConnection *queuednet.Connection
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	// The page has ip_address set to 192.168.0.50 (9), where no server of yours is.
	ipAddress := flags.String("address", "127.0.0.1", "the server's `host`, by number or name")
	portAddress := flags.Int("port", 9099, "the server's TCP `port`")
	header := flags.Int("header", 2, "the `bytes` of the length before each datagram, 2 or 4, as the server has it")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	if *header != 2 && *header != 4 {
		return fmt.Errorf("-header cannot be %d, only 2 or 4", *header)
	}

	cManager := queuednet.NewQueuedConnectionManager(&queuednet.Config{TCPHeaderSize: *header})
	c := &client{
		stdout:   stdout,
		cManager: cManager,
		cReader:  queuednet.NewQueuedConnectionReader(cManager),
		cWriter:  queuednet.NewConnectionWriter(cManager),
	}
	defer cManager.Close() // for the returns before the last one
	err := c.connect(ctx, *ipAddress, *portAddress)
	switch {
	case ctx.Err() != nil: // Ctrl-C, and whatever came of it
		return nil
	case err != nil:
		return fmt.Errorf("cannot connect: %w", err)
	}
	fmt.Fprintln(stdout, "connected to", c.myConnection.Address())
	// It fails only where the server has gone, which is tskResetPolling's to say.
	_ = c.cWriter.Send(myNewDatagram("Hello, world!"), c.myConnection)

	var taskMgr task.Manager
	taskMgr.Add(c.tskReaderPolling, "Poll the connection reader", -40)
	taskMgr.Add(c.tskResetPolling, "Poll the lost connection", -38) // (+)
	taskMgr.Run(ctx, frameRate)

	cManager.CloseConnection(c.myConnection) // (9)
	return cManager.Close()                  // (+) waits until the last message has arrived
}

// connect connects to the server. The page's call BLOCKS until there is a
// connection; a game that must go on meanwhile has BeginTCPClientConnection.
func (c *client) connect(ctx context.Context, ipAddress string, portAddress int) (err error) {
	// Ctrl-C shall not wait for the timeout: closing the manager ends the call.
	defer context.AfterFunc(ctx, func() { c.cManager.Close() })()

	c.myConnection, err = c.cManager.OpenTCPClientConnection(ipAddress, portAddress, timeout) // (9)
	if err != nil {
		return err
	}
	return c.cReader.AddConnection(c.myConnection) // without this nothing is read
}

// tskReaderPolling takes the datagrams. The page takes one a frame, so that a
// server that sends more fills the memory; a loop takes all that are queued. It
// ends: what comes meanwhile is for the next frame.
func (c *client) tskReaderPolling() task.Result {
	var datagram queuednet.NetDatagram // each one is taken into the memory of the last
	for c.cReader.DataAvailable() {
		// The result matters where several goroutines drain one reader: another
		// may have been faster.
		if c.cReader.GetData(&datagram) {
			c.myProcessDataFunction(&datagram) // (9)
		}
	}
	return task.Cont
}

// tskResetPolling notices that the server has gone (+).
func (c *client) tskResetPolling() task.Result {
	lost, ok := c.cManager.GetResetConnection()
	if !ok {
		return task.Cont
	}
	fmt.Fprintln(c.stdout, "the server has gone:", lost.Err())
	return task.Done
}

// myProcessDataFunction prints a message.
func (c *client) myProcessDataFunction(netDatagram *queuednet.NetDatagram) {
	myIterator := netDatagram.Iterator()
	msgID := myIterator.GetUint8()
	var messageToPrint string
	if msgID == printMessage {
		messageToPrint = myIterator.GetString()
	}
	// One look at the iterator's error is enough, before anything is done.
	switch err := myIterator.Err(); {
	case err != nil:
		fmt.Fprintln(c.stdout, "broken message:", err)
	case msgID != printMessage:
		fmt.Fprintln(c.stdout, "unknown message", msgID)
	default:
		fmt.Fprintln(c.stdout, "received:", cli.Printable(messageToPrint))
	}
}

func myNewDatagram(text string) *queuednet.Datagram {
	myDatagram := new(queuednet.Datagram)
	myDatagram.AddUint8(printMessage)
	myDatagram.AddString(text)
	return myDatagram
}
