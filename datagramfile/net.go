package datagramfile

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/queuednet/queuednet"
)

// A DatagramGeneratorNet gives the datagrams that arrive over a connection. It
// is for code that reads from a DatagramGenerator and may wait, usually on a
// goroutine of its own; a loop polls a reader instead. It may be used by one
// goroutine at a time. It is Panda3D's DatagramGeneratorNet, for one
// connection.
type DatagramGeneratorNet struct {
	ctx     context.Context
	reader  *queuednet.QueuedConnectionReader
	conn    *queuednet.Connection
	manager *queuednet.QueuedConnectionManager
}

// NewDatagramGeneratorNet adds conn to the reader, which nobody else may use,
// and returns a generator of the datagrams that arrive over it. The header size
// of the reader counts. When ctx is done GetDatagram does not wait any more. It
// fails as AddConnection of the reader does.
func NewDatagramGeneratorNet(ctx context.Context, reader *queuednet.QueuedConnectionReader, conn *queuednet.Connection) (*DatagramGeneratorNet, error) {
	if err := reader.AddConnection(conn); err != nil {
		return nil, err
	}
	manager := conn.Manager()
	if manager == nil {
		return nil, net.ErrClosed
	}
	return &DatagramGeneratorNet{ctx: ctx, reader: reader, conn: conn, manager: manager}, nil
}

// GetDatagram BLOCKS until there is a datagram, and takes it into that of the
// caller, whose memory is used again. After the last datagram it returns the
// reason of the connection's end, as its Err does: io.EOF if the peer closed it
// in good order, io.ErrUnexpectedEOF if the peer closed it inside a datagram,
// net.ErrClosed if the program closed it. It returns the error of the context
// if nothing is queued; a later call goes on. If there is an error the caller's
// datagram is left alone.
//
// The reset queue also reports the end of the connection to the program, as
// always. It is Panda3D's get_datagram, which hangs at the end, or spins.
func (g *DatagramGeneratorNet) GetDatagram(datagram *queuednet.Datagram) error {
	if datagram == nil {
		return errNilDatagram
	}
	var waited error
	for pause := time.Duration(0); ; pause = min(max(2*pause, minPause), maxPause) {
		// In this order: nothing comes any more once the reader has let go of
		// the connection, so what is not there after that will not be.
		more := g.reader.IsConnectionOk(g.conn)
		switch {
		case g.take(datagram):
			return nil
		case !more:
			return g.end()
		case waited != nil:
			return waited
		}
		waited = g.wait(pause)
	}
}

// take takes a datagram that is queued.
func (g *DatagramGeneratorNet) take(datagram *queuednet.Datagram) bool {
	// The caller's memory moves into a NetDatagram and out again.
	into := queuednet.NetDatagram{Datagram: *datagram}
	for range 2 { // the first call may just tell the end of the last drain
		if g.reader.GetData(&into) {
			*datagram = into.Datagram
			return true
		}
	}
	return false
}

func (g *DatagramGeneratorNet) end() error {
	if err := g.conn.Err(); err != nil {
		return err
	}
	return net.ErrClosed // the reader was shut down, or rid of the connection
}

const (
	// A wait ends when anything is queued in the manager. If that is none of
	// ours, and nobody takes it, waiting again at once would spin.
	minPause = 50 * time.Microsecond
	maxPause = time.Millisecond

	// No queue tells that the program itself has closed the connection.
	longestWait = 20 * time.Millisecond
)

// wait waits until there may be something, after a pause.
func (g *DatagramGeneratorNet) wait(pause time.Duration) error {
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-g.ctx.Done():
		}
	}
	if err := g.ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(g.ctx, longestWait)
	defer cancel()
	if err := g.manager.WaitForReaders(ctx); err == net.ErrClosed {
		return err
	}
	return g.ctx.Err()
}

// A DatagramSinkNet sends datagrams over a connection, for code that writes to a
// DatagramSink. It never waits. It may be used by several goroutines at once. It
// is Panda3D's DatagramSinkNet.
type DatagramSinkNet struct {
	writer *queuednet.ConnectionWriter
	target *queuednet.Connection
}

// NewDatagramSinkNet returns a sink that sends to target through the writer,
// whose header size counts. The writer may have other uses too. With a nil
// target PutDatagram and Flush fail.
func NewDatagramSinkNet(writer *queuednet.ConnectionWriter, target *queuednet.Connection) *DatagramSinkNet {
	return &DatagramSinkNet{writer: writer, target: target}
}

// PutDatagram sends a datagram. It fails as Send of the writer does, so with
// the reason of the end if the target has ended; compare it with errors.Is. If
// it returns nil, the datagram was queued. It is Panda3D's put_datagram, which
// does not notice that the target is gone.
func (s *DatagramSinkNet) PutDatagram(datagram *queuednet.Datagram) error {
	if err := sendable(datagram); err != nil {
		return err
	}
	return s.named(s.writer.Send(datagram, s.target))
}

// Flush sends now what the connection has collected, and does not wait until it
// has left. It fails with the reason of the end if the target has ended: then
// some of the datagrams may not have arrived. It is Panda3D's flush.
func (s *DatagramSinkNet) Flush() error {
	if s.target == nil {
		return s.named(queuednet.ErrForeignConnection)
	}
	if err := s.target.Flush(); err != nil {
		return s.named(err)
	}
	return s.named(s.target.Err())
}

// named says which target failed. That makes io.EOF, the end of the target, a
// different error from that of a generator.
func (s *DatagramSinkNet) named(err error) error {
	switch {
	case err == nil:
		return nil
	case s.target == nil:
		return fmt.Errorf("datagramfile: no target: %w", err)
	}
	return fmt.Errorf("datagramfile: target %v: %w", s.target.Address(), err)
}
