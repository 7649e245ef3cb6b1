package conformance_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/queuednet/queuednet"

	"github.com/queuednet/queuednet/internal/testnet"
)

// A call is one call of a method, with what it may answer by its documentation.
type call struct {
	call   func(a *actor) error
	errors []func(error) bool
}

// never is a call that has no error.
func never(f func(a *actor)) call {
	return call{func(a *actor) error { f(a); return nil }, nil}
}

// fails is a call that may fail.
func fails(f func(a *actor) error, errors ...func(error) bool) call {
	return call{f, errors}
}

// optionCall is a call that sets a socket option, some to values that there are not.
func optionCall[T any](set func(*queuednet.Connection, T) error, values ...T) call {
	return fails(func(a *actor) error {
		return set(a.conn, values[a.random.IntN(len(values))])
	}, oneOf(errors.ErrUnsupported), closedError, system)
}

// opened puts what a call opened on the stage.
func (s *scene) opened(conn *queuednet.Connection, err error) error {
	s.add(conn)
	return err
}

// someDatagram is one of a random size.
func someDatagram(random *rand.Rand) *queuednet.Datagram {
	switch random.IntN(50) {
	case 0:
		return queuednet.NewDatagram(make([]byte, 70_000))
	case 1:
		return queuednet.NewDatagram(make([]byte, 60_000))
	}
	return queuednet.NewDatagram(make([]byte, random.IntN(100)))
}

// dial connects to the server.
func (a *actor) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", a.server.String())
}

// few takes some of a sequence, or all.
func few[T any](random *rand.Rand, all iter.Seq[T], each func(T)) {
	n := random.IntN(5)
	for value := range all {
		each(value)
		if n--; n == 0 {
			return
		}
	}
}

var concurrentCalls = map[string]call{
	"QueuedConnectionManager.AdoptConnection": fails(func(a *actor) error {
		near, far := net.Pipe()
		time.AfterFunc(time.Duration(a.random.IntN(50))*time.Millisecond, func() { far.Close() })
		return a.opened(a.Manager.AdoptConnection(near))
	}, closedError),
	"QueuedConnectionManager.AdoptRendezvous": fails(func(a *actor) error {
		return a.opened(a.Manager.AdoptRendezvous(testnet.NewPipeListener()))
	}, closedError),
	"QueuedConnectionManager.AdoptUDPConnection": fails(func(a *actor) error {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return a.opened(a.Manager.AdoptUDPConnection(socket))
	}, closedError),
	"QueuedConnectionManager.BeginTCPClientConnection": never(func(a *actor) {
		pending := a.Manager.BeginTCPClientConnection("127.0.0.1", a.server.Port(), time.Duration(a.random.IntN(3)-1)*time.Second)
		time.AfterFunc(10*time.Millisecond, pending.Cancel)
	}),
	"QueuedConnectionManager.BeginClientConnection": never(func(a *actor) {
		pending := a.Manager.BeginClientConnection(a.dial, time.Duration(a.random.IntN(3)-1)*time.Second)
		time.AfterFunc(10*time.Millisecond, pending.Cancel)
	}),
	"QueuedConnectionManager.OpenClientConnection": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenClientConnection(a.dial, time.Duration(a.random.IntN(50)-1)*time.Millisecond))
	}, closedError, timeout, system),
	"QueuedConnectionManager.Close": fails(func(a *actor) error {
		if !a.closing.Load() {
			return nil
		}
		return a.Manager.Close()
	}, undelivered),
	"QueuedConnectionManager.CloseConnection": never(func(a *actor) {
		if conn := a.someone(); a.Manager.CloseConnection(conn) {
			a.gone(conn)
		}
	}),
	"QueuedConnectionManager.GoString": never(func(a *actor) { _ = a.Manager.GoString() }),
	"QueuedConnectionManager.String":   never(func(a *actor) { _ = a.Manager.String() }),
	"QueuedConnectionManager.GetResetConnection": never(func(a *actor) {
		if conn, ok := a.Manager.GetResetConnection(); ok {
			a.gone(conn)
		}
	}),
	"QueuedConnectionManager.OpenTCPClientConnection": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenTCPClientConnection("127.0.0.1", a.server.Port(), time.Duration(a.random.IntN(50)-1)*time.Millisecond))
	}, closedError, timeout, system),
	"QueuedConnectionManager.OpenTCPServerRendezvous": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenTCPServerRendezvous(0, a.random.IntN(3)))
	}, closedError),
	"QueuedConnectionManager.OpenTCPServerRendezvousAt": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenTCPServerRendezvousAt(a.loopback(), a.random.IntN(3)))
	}, closedError),
	"QueuedConnectionManager.OpenUDPConnection": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenUDPConnection(0))
	}, closedError),
	"QueuedConnectionManager.OpenUDPMulticast": fails(func(a *actor) error {
		group := queuednet.NetAddressFrom(netip.MustParseAddrPort("239.77.1.2:0"))
		for _, on := range ignore(queuednet.Interfaces()) {
			if on.Operational && !on.IPv6 {
				return a.opened(a.Manager.OpenUDPMulticast(group, on))
			}
		}
		return nil
	}, closedError, system),
	"QueuedConnectionManager.OpenUDPConnectionAt": fails(func(a *actor) error {
		return a.opened(a.Manager.OpenUDPConnectionAt(a.loopback()))
	}, closedError),
	"QueuedConnectionManager.Refusals": never(func(a *actor) { a.Manager.Refusals() }),
	"QueuedConnectionManager.Stats":    never(func(a *actor) { a.Manager.Stats() }),
	"QueuedConnectionManager.Notify":   never(func(a *actor) { a.Manager.Notify() }),
	"QueuedConnectionManager.Connections": never(func(a *actor) {
		few(a.random, a.Manager.Connections(), func(conn *queuednet.Connection) { conn.Stats() })
	}),
	"QueuedConnectionManager.ResetConnectionAvailable": never(func(a *actor) { a.Manager.ResetConnectionAvailable() }),
	"QueuedConnectionManager.ResetConnections": never(func(a *actor) {
		few(a.random, a.Manager.ResetConnections(), a.gone)
	}),
	"QueuedConnectionManager.WaitForReaders": fails(func(a *actor) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		return a.Manager.WaitForReaders(ctx)
	}, closedError, timeout),

	"Connection.Abort": never(func(a *actor) {
		conn := a.conn
		if conn.Close() == nil { // tells whether it is this call that ends it
			a.gone(conn)
		}
		conn.Abort()
	}),
	"Connection.Address": never(func(a *actor) { _ = a.conn.Address().String() }),
	"Connection.Close": fails(func(a *actor) error {
		conn := a.conn
		err := conn.Close()
		if err == nil {
			a.gone(conn)
		}
		return err
	}, closedError),
	"Connection.CollectTCP":         never(func(a *actor) { a.conn.CollectTCP() }),
	"Connection.CollectTCPInterval": never(func(a *actor) { a.conn.CollectTCPInterval() }),
	"Connection.ConsiderFlush":      fails(func(a *actor) error { return a.conn.ConsiderFlush() }, reason, wrongConnection),
	"Connection.Err":                fails(func(a *actor) error { return a.conn.Err() }, reason),
	"Connection.Flush":              fails(func(a *actor) error { return a.conn.Flush() }, reason, wrongConnection),
	"Connection.GoString":           never(func(a *actor) { _ = a.conn.GoString() }),
	"Connection.LogValue":           never(func(a *actor) { a.conn.LogValue() }),
	"Connection.String":             never(func(a *actor) { _ = a.conn.String() }),
	"Connection.LastReceived":       never(func(a *actor) { a.conn.LastReceived() }),
	"Connection.ListenerFile": fails(func(a *actor) error {
		file, err := a.conn.ListenerFile()
		file.Close()
		return err
	}, oneOf(errors.ErrUnsupported), closedError, system),
	"Connection.LocalAddress": never(func(a *actor) { _ = a.conn.LocalAddress().String() }),
	"Connection.Manager":      never(func(a *actor) { a.conn.Manager() }),
	"Connection.NetConn":      never(func(a *actor) { a.conn.NetConn() }),
	"Connection.IsUDP":        never(func(a *actor) { a.conn.IsUDP() }),
	"Connection.Rendezvous":   never(func(a *actor) { a.conn.Rendezvous() }),
	"Connection.RoundTrip": fails(func(a *actor) error {
		_, _, err := a.conn.RoundTrip()
		return err
	}, oneOf(errors.ErrUnsupported), closedError, system),
	"Connection.SetCollectTCP": never(func(a *actor) { a.conn.SetCollectTCP(a.random.IntN(2) == 0) }),
	"Connection.SetCollectTCPInterval": never(func(a *actor) {
		a.conn.SetCollectTCPInterval(time.Duration(a.random.IntN(3)-1) * time.Millisecond)
	}),
	"Connection.SetIPTimeToLive":    optionCall((*queuednet.Connection).SetIPTimeToLive, 64, 0),
	"Connection.SetIPTypeOfService": optionCall((*queuednet.Connection).SetIPTypeOfService, 0x10, 0),
	"Connection.SetKeepAlive":       optionCall((*queuednet.Connection).SetKeepAlive, true, false),
	"Connection.SetLinger":          optionCall(func(c *queuednet.Connection, linger bool) error { return c.SetLinger(linger, time.Second) }, true, false),
	"Connection.SetMaxSegment":      optionCall((*queuednet.Connection).SetMaxSegment, 1000, -1),
	"Connection.SetNoDelay":         optionCall((*queuednet.Connection).SetNoDelay, true, false),
	"Connection.SetRecvBufferSize":  optionCall((*queuednet.Connection).SetRecvBufferSize, 100_000, 0),
	"Connection.SetReuseAddr":       optionCall((*queuednet.Connection).SetReuseAddr, true, false),
	"Connection.SetSendBufferSize":  optionCall((*queuednet.Connection).SetSendBufferSize, 100_000, 0),
	"Connection.SetUserData":        never(func(a *actor) { a.conn.SetUserData(a.random.IntN(2)) }),
	"Connection.Stats":              never(func(a *actor) { a.conn.Stats() }),
	"Connection.UDPDrops":           never(func(a *actor) { a.conn.UDPDrops() }),
	"Connection.Unacknowledged": fails(func(a *actor) error {
		_, err := a.conn.Unacknowledged()
		return err
	}, oneOf(errors.ErrUnsupported), closedError, system),
	"Connection.UserData": never(func(a *actor) { a.conn.UserData() }),

	"QueuedConnectionListener.AddConnection": fails(func(a *actor) error {
		return a.Listener.AddConnection(a.someone())
	}, wrongConnection, oneOf(queuednet.ErrAlreadyAdded), closedError),
	"QueuedConnectionListener.GoString": never(func(a *actor) { _ = a.Listener.GoString() }),
	"QueuedConnectionListener.String":   never(func(a *actor) { _ = a.Listener.String() }),
	"QueuedConnectionListener.GetNewConnection": never(func(a *actor) {
		conn, _ := a.Listener.GetNewConnection()
		a.add(conn)
	}),
	"QueuedConnectionListener.Manager":                never(func(a *actor) { a.Listener.Manager() }),
	"QueuedConnectionListener.NewConnectionAvailable": never(func(a *actor) { a.Listener.NewConnectionAvailable() }),
	"QueuedConnectionListener.NewConnections": never(func(a *actor) {
		few(a.random, a.Listener.NewConnections(), a.add)
	}),
	"QueuedConnectionListener.RemoveConnection": never(func(a *actor) { a.Listener.RemoveConnection(a.someone()) }),

	"QueuedConnectionReader.AddConnection": fails(func(a *actor) error {
		return a.reader.AddConnection(a.someone())
	}, wrongConnection, oneOf(queuednet.ErrAlreadyAdded), reason),
	"QueuedConnectionReader.CurrentQueueBytes": never(func(a *actor) { a.reader.CurrentQueueBytes() }),
	"QueuedConnectionReader.CurrentQueueSize":  never(func(a *actor) { a.reader.CurrentQueueSize() }),
	"QueuedConnectionReader.DataAvailable":     never(func(a *actor) { a.reader.DataAvailable() }),
	"QueuedConnectionReader.Datagrams": never(func(a *actor) {
		few(a.random, a.reader.Datagrams(), func(datagram *queuednet.NetDatagram) { datagram.Clone() })
	}),
	"QueuedConnectionReader.GoString": never(func(a *actor) { _ = a.reader.GoString() }),
	"QueuedConnectionReader.String":   never(func(a *actor) { _ = a.reader.String() }),
	"QueuedConnectionReader.GetData": never(func(a *actor) {
		var datagram queuednet.NetDatagram
		for range a.random.IntN(5) {
			a.reader.GetData(&datagram)
		}
	}),
	"QueuedConnectionReader.IsConnectionOk":    never(func(a *actor) { a.reader.IsConnectionOk(a.someone()) }),
	"QueuedConnectionReader.Manager":           never(func(a *actor) { a.reader.Manager() }),
	"QueuedConnectionReader.MaxQueueSize":      never(func(a *actor) { a.reader.MaxQueueSize() }),
	"QueuedConnectionReader.OverflowFlag":      never(func(a *actor) { a.reader.OverflowFlag() }),
	"QueuedConnectionReader.RawMode":           never(func(a *actor) { a.reader.RawMode() }),
	"QueuedConnectionReader.RemoveConnection":  never(func(a *actor) { a.reader.RemoveConnection(a.someone()) }),
	"QueuedConnectionReader.ResetOverflowFlag": never(func(a *actor) { a.reader.ResetOverflowFlag() }),
	"QueuedConnectionReader.SetMaxQueueSize":   never(func(a *actor) { a.reader.SetMaxQueueSize(a.random.IntN(20) - 10) }),
	"QueuedConnectionReader.SetRawMode":        never(func(a *actor) { a.reader.SetRawMode(a.random.IntN(4) == 0) }),
	"QueuedConnectionReader.SetTCPHeaderSize": fails(func(a *actor) error {
		return a.reader.SetTCPHeaderSize([]int{2, 2, 2, 3, 4}[a.random.IntN(5)])
	}, oneOf(queuednet.ErrHeaderSize)),
	// A reader that has been shut down stays so: most are new ones.
	"QueuedConnectionReader.Shutdown": never(func(a *actor) {
		reader := queuednet.NewQueuedConnectionReader(a.Manager)
		if a.closing.Load() && a.random.IntN(10) == 0 {
			reader = a.reader
		}
		reader.AddConnection(a.someone())
		reader.Shutdown()
	}),
	"QueuedConnectionReader.TCPHeaderSize": never(func(a *actor) { a.reader.TCPHeaderSize() }),

	"ConnectionWriter.Broadcast": fails(func(a *actor) error {
		return a.Writer.Broadcast(someDatagram(a.random), func(yield func(*queuednet.Connection) bool) {
			for range 8 {
				if !yield(a.someone()) {
					return
				}
			}
		})
	}, wrongConnection, reason),
	"ConnectionWriter.Flush":         never(func(a *actor) { a.Writer.Flush() }),
	"ConnectionWriter.GoString":      never(func(a *actor) { _ = a.Writer.GoString() }),
	"ConnectionWriter.String":        never(func(a *actor) { _ = a.Writer.String() }),
	"ConnectionWriter.IsValidForUDP": never(func(a *actor) { a.Writer.IsValidForUDP(someDatagram(a.random)) }),
	"ConnectionWriter.Manager":       never(func(a *actor) { a.Writer.Manager() }),
	"ConnectionWriter.RawMode":       never(func(a *actor) { a.Writer.RawMode() }),
	"ConnectionWriter.Send": fails(func(a *actor) error {
		return a.Writer.Send(someDatagram(a.random), a.someone())
	}, wrongConnection, reason),
	"ConnectionWriter.SendFrom": fails(func(a *actor) error {
		return a.Writer.SendFrom(someDatagram(a.random), a.someone(), a.sink, a.sink)
	}, oneOf(errors.ErrUnsupported), wrongConnection, reason),
	"ConnectionWriter.SendTo": fails(func(a *actor) error {
		return a.Writer.SendTo(someDatagram(a.random), a.someone(), a.sink)
	}, wrongConnection, reason),
	"ConnectionWriter.SetRawMode": never(func(a *actor) { a.Writer.SetRawMode(a.random.IntN(4) == 0) }),
	"ConnectionWriter.SetTCPHeaderSize": fails(func(a *actor) error {
		return a.Writer.SetTCPHeaderSize(a.random.IntN(5))
	}, oneOf(queuednet.ErrHeaderSize)),
	"ConnectionWriter.Shutdown": never(func(a *actor) {
		writer := queuednet.NewConnectionWriter(a.Manager)
		if a.closing.Load() && a.random.IntN(10) == 0 {
			writer = a.Writer
		}
		writer.Send(someDatagram(a.random), a.someone())
		writer.Shutdown()
	}),
	"ConnectionWriter.TCPHeaderSize": never(func(a *actor) { a.Writer.TCPHeaderSize() }),

	"PendingConnection.Cancel":   never(func(a *actor) { a.begun(a.random).Cancel() }),
	"PendingConnection.GoString": never(func(a *actor) { _ = a.begun(a.random).GoString() }),
	"PendingConnection.String":   never(func(a *actor) { _ = a.begun(a.random).String() }),
	"PendingConnection.Ready":    never(func(a *actor) { a.begun(a.random).Ready() }),
	"PendingConnection.Result": fails(func(a *actor) error {
		return a.opened(a.begun(a.random).Result())
	}, oneOf(queuednet.ErrNotReady, context.Canceled), closedError, timeout, system),
	"PendingConnection.Wait": fails(func(a *actor) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		return a.opened(a.begun(a.random).Wait(ctx))
	}, oneOf(context.Canceled), closedError, timeout, system),
}
