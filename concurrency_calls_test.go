package queuednet

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"time"
)

// A call is one call of a method, with what it may answer by its documentation.
type call struct {
	call   func(s *scene, random *rand.Rand) error
	errors []func(error) bool
}

// quiet is a call that has no error.
func quiet(f func(s *scene, random *rand.Rand)) call {
	return call{func(s *scene, random *rand.Rand) error { f(s, random); return nil }, nil}
}

// fails is a call that may fail.
func fails(f func(s *scene, random *rand.Rand) error, errors ...func(error) bool) call {
	return call{f, errors}
}

// optionCall is a call that sets a socket option, some to values that there are not.
func optionCall[T any](set func(*Connection, T) error, values ...T) call {
	return fails(func(s *scene, random *rand.Rand) error {
		return set(s.member(random), values[random.IntN(len(values))])
	}, oneOf(errors.ErrUnsupported), closedError, system)
}

// opened puts what a call opened on the stage.
func (s *scene) opened(conn *Connection, err error) error {
	s.add(conn)
	return err
}

// someDatagram is one of a random size.
func someDatagram(random *rand.Rand) *Datagram {
	switch random.IntN(50) {
	case 0:
		return NewDatagram(make([]byte, 70_000))
	case 1:
		return NewDatagram(make([]byte, 60_000))
	}
	return NewDatagram(make([]byte, random.IntN(100)))
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
	"QueuedConnectionManager.AdoptConnection": fails(func(s *scene, random *rand.Rand) error {
		near, far := net.Pipe()
		time.AfterFunc(time.Duration(random.IntN(50))*time.Millisecond, func() { far.Close() })
		return s.opened(s.manager.AdoptConnection(near))
	}, closedError),
	"QueuedConnectionManager.AdoptRendezvous": fails(func(s *scene, _ *rand.Rand) error {
		return s.opened(s.manager.AdoptRendezvous(newPipeListener()))
	}, closedError),
	"QueuedConnectionManager.AdoptUDPConnection": fails(func(s *scene, _ *rand.Rand) error {
		pipe, _ := newPacketPipe()
		return s.opened(s.manager.AdoptUDPConnection(pipe))
	}, closedError),
	"QueuedConnectionManager.BeginTCPClientConnection": quiet(func(s *scene, random *rand.Rand) {
		pending := s.manager.BeginTCPClientConnection("127.0.0.1", s.server.Port(), time.Duration(random.IntN(3)-1)*time.Second)
		time.AfterFunc(10*time.Millisecond, pending.Cancel)
	}),
	"QueuedConnectionManager.Close": fails(func(s *scene, _ *rand.Rand) error {
		if !s.closing.Load() {
			return nil
		}
		return s.manager.Close()
	}, undelivered),
	"QueuedConnectionManager.CloseConnection": quiet(func(s *scene, random *rand.Rand) {
		if conn := s.conn(random); s.manager.CloseConnection(conn) {
			s.gone(conn)
		}
	}),
	"QueuedConnectionManager.GetResetConnection": quiet(func(s *scene, _ *rand.Rand) {
		if conn, ok := s.manager.GetResetConnection(); ok {
			s.gone(conn)
		}
	}),
	"QueuedConnectionManager.OpenTCPClientConnection": fails(func(s *scene, random *rand.Rand) error {
		return s.opened(s.manager.OpenTCPClientConnection("127.0.0.1", s.server.Port(), time.Duration(random.IntN(50)-1)*time.Millisecond))
	}, closedError, timeout, system),
	"QueuedConnectionManager.OpenTCPServerRendezvous": fails(func(s *scene, random *rand.Rand) error {
		return s.opened(s.manager.OpenTCPServerRendezvous(0, random.IntN(3)))
	}, closedError),
	"QueuedConnectionManager.OpenTCPServerRendezvousAt": fails(func(s *scene, random *rand.Rand) error {
		return s.opened(s.manager.OpenTCPServerRendezvousAt(s.loopback(), random.IntN(3)))
	}, closedError),
	"QueuedConnectionManager.OpenUDPConnection": fails(func(s *scene, _ *rand.Rand) error {
		return s.opened(s.manager.OpenUDPConnection(0))
	}, closedError),
	"QueuedConnectionManager.OpenUDPConnectionAt": fails(func(s *scene, _ *rand.Rand) error {
		return s.opened(s.manager.OpenUDPConnectionAt(s.loopback()))
	}, closedError),
	"QueuedConnectionManager.ResetConnectionAvailable": quiet(func(s *scene, _ *rand.Rand) { s.manager.ResetConnectionAvailable() }),
	"QueuedConnectionManager.ResetConnections": quiet(func(s *scene, random *rand.Rand) {
		few(random, s.manager.ResetConnections(), s.gone)
	}),
	"QueuedConnectionManager.WaitForReaders": fails(func(s *scene, _ *rand.Rand) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		return s.manager.WaitForReaders(ctx)
	}, closedError, timeout),

	"Connection.Address": quiet(func(s *scene, random *rand.Rand) { _ = s.member(random).Address().String() }),
	"Connection.Close": fails(func(s *scene, random *rand.Rand) error {
		conn := s.member(random)
		err := conn.Close()
		if err == nil {
			s.gone(conn)
		}
		return err
	}, closedError),
	"Connection.CollectTCP":         quiet(func(s *scene, random *rand.Rand) { s.member(random).CollectTCP() }),
	"Connection.CollectTCPInterval": quiet(func(s *scene, random *rand.Rand) { s.member(random).CollectTCPInterval() }),
	"Connection.ConsiderFlush":      fails(func(s *scene, random *rand.Rand) error { return s.member(random).ConsiderFlush() }, reason, wrongConnection),
	"Connection.Err":                fails(func(s *scene, random *rand.Rand) error { return s.member(random).Err() }, reason),
	"Connection.Flush":              fails(func(s *scene, random *rand.Rand) error { return s.member(random).Flush() }, reason, wrongConnection),
	"Connection.LocalAddress":       quiet(func(s *scene, random *rand.Rand) { _ = s.member(random).LocalAddress().String() }),
	"Connection.Manager":            quiet(func(s *scene, random *rand.Rand) { s.member(random).Manager() }),
	"Connection.NetConn":            quiet(func(s *scene, random *rand.Rand) { s.member(random).NetConn() }),
	"Connection.Rendezvous":         quiet(func(s *scene, random *rand.Rand) { s.member(random).Rendezvous() }),
	"Connection.SetCollectTCP":      quiet(func(s *scene, random *rand.Rand) { s.member(random).SetCollectTCP(random.IntN(2) == 0) }),
	"Connection.SetCollectTCPInterval": quiet(func(s *scene, random *rand.Rand) {
		s.member(random).SetCollectTCPInterval(time.Duration(random.IntN(3)-1) * time.Millisecond)
	}),
	"Connection.SetIPTimeToLive":    optionCall((*Connection).SetIPTimeToLive, 64, 0),
	"Connection.SetIPTypeOfService": optionCall((*Connection).SetIPTypeOfService, 0x10, 0),
	"Connection.SetKeepAlive":       optionCall((*Connection).SetKeepAlive, true, false),
	"Connection.SetLinger":          optionCall(func(c *Connection, linger bool) error { return c.SetLinger(linger, time.Second) }, true, false),
	"Connection.SetMaxSegment":      optionCall((*Connection).SetMaxSegment, 1000, -1),
	"Connection.SetNoDelay":         optionCall((*Connection).SetNoDelay, true, false),
	"Connection.SetRecvBufferSize":  optionCall((*Connection).SetRecvBufferSize, 100_000, 0),
	"Connection.SetReuseAddr":       optionCall((*Connection).SetReuseAddr, true, false),
	"Connection.SetSendBufferSize":  optionCall((*Connection).SetSendBufferSize, 100_000, 0),
	"Connection.UDPDrops":           quiet(func(s *scene, random *rand.Rand) { s.member(random).UDPDrops() }),

	"QueuedConnectionListener.AddConnection": fails(func(s *scene, random *rand.Rand) error {
		return s.listener.AddConnection(s.conn(random))
	}, wrongConnection, oneOf(ErrAlreadyAdded), closedError),
	"QueuedConnectionListener.GetNewConnection": quiet(func(s *scene, _ *rand.Rand) {
		conn, _ := s.listener.GetNewConnection()
		s.add(conn)
	}),
	"QueuedConnectionListener.Manager":                quiet(func(s *scene, _ *rand.Rand) { s.listener.Manager() }),
	"QueuedConnectionListener.NewConnectionAvailable": quiet(func(s *scene, _ *rand.Rand) { s.listener.NewConnectionAvailable() }),
	"QueuedConnectionListener.NewConnections": quiet(func(s *scene, random *rand.Rand) {
		few(random, s.listener.NewConnections(), s.add)
	}),
	"QueuedConnectionListener.RemoveConnection": quiet(func(s *scene, random *rand.Rand) { s.listener.RemoveConnection(s.conn(random)) }),

	"QueuedConnectionReader.AddConnection": fails(func(s *scene, random *rand.Rand) error {
		return s.reader.AddConnection(s.conn(random))
	}, wrongConnection, oneOf(ErrAlreadyAdded), reason),
	"QueuedConnectionReader.CurrentQueueBytes": quiet(func(s *scene, _ *rand.Rand) { s.reader.CurrentQueueBytes() }),
	"QueuedConnectionReader.CurrentQueueSize":  quiet(func(s *scene, _ *rand.Rand) { s.reader.CurrentQueueSize() }),
	"QueuedConnectionReader.DataAvailable":     quiet(func(s *scene, _ *rand.Rand) { s.reader.DataAvailable() }),
	"QueuedConnectionReader.Datagrams": quiet(func(s *scene, random *rand.Rand) {
		few(random, s.reader.Datagrams(), func(datagram *NetDatagram) { datagram.Clone() })
	}),
	"QueuedConnectionReader.GetData": quiet(func(s *scene, random *rand.Rand) {
		var datagram NetDatagram
		for range random.IntN(5) {
			s.reader.GetData(&datagram)
		}
	}),
	"QueuedConnectionReader.IsConnectionOk":    quiet(func(s *scene, random *rand.Rand) { s.reader.IsConnectionOk(s.conn(random)) }),
	"QueuedConnectionReader.Manager":           quiet(func(s *scene, _ *rand.Rand) { s.reader.Manager() }),
	"QueuedConnectionReader.MaxQueueSize":      quiet(func(s *scene, _ *rand.Rand) { s.reader.MaxQueueSize() }),
	"QueuedConnectionReader.OverflowFlag":      quiet(func(s *scene, _ *rand.Rand) { s.reader.OverflowFlag() }),
	"QueuedConnectionReader.RawMode":           quiet(func(s *scene, _ *rand.Rand) { s.reader.RawMode() }),
	"QueuedConnectionReader.RemoveConnection":  quiet(func(s *scene, random *rand.Rand) { s.reader.RemoveConnection(s.conn(random)) }),
	"QueuedConnectionReader.ResetOverflowFlag": quiet(func(s *scene, _ *rand.Rand) { s.reader.ResetOverflowFlag() }),
	"QueuedConnectionReader.SetMaxQueueSize":   quiet(func(s *scene, random *rand.Rand) { s.reader.SetMaxQueueSize(random.IntN(20) - 10) }),
	"QueuedConnectionReader.SetRawMode":        quiet(func(s *scene, random *rand.Rand) { s.reader.SetRawMode(random.IntN(4) == 0) }),
	"QueuedConnectionReader.SetTCPHeaderSize": fails(func(s *scene, random *rand.Rand) error {
		return s.reader.SetTCPHeaderSize([]int{2, 2, 2, 3, 4}[random.IntN(5)])
	}, oneOf(ErrHeaderSize)),
	// A reader that has been shut down stays so: most are new ones.
	"QueuedConnectionReader.Shutdown": quiet(func(s *scene, random *rand.Rand) {
		reader := NewQueuedConnectionReader(s.manager)
		if s.closing.Load() && random.IntN(10) == 0 {
			reader = s.reader
		}
		reader.AddConnection(s.conn(random))
		reader.Shutdown()
	}),
	"QueuedConnectionReader.TCPHeaderSize": quiet(func(s *scene, _ *rand.Rand) { s.reader.TCPHeaderSize() }),

	"ConnectionWriter.Broadcast": fails(func(s *scene, random *rand.Rand) error {
		return s.writer.Broadcast(someDatagram(random), func(yield func(*Connection) bool) {
			for range 8 {
				if !yield(s.conn(random)) {
					return
				}
			}
		})
	}, wrongConnection, reason),
	"ConnectionWriter.Flush":         quiet(func(s *scene, _ *rand.Rand) { s.writer.Flush() }),
	"ConnectionWriter.IsValidForUDP": quiet(func(s *scene, random *rand.Rand) { s.writer.IsValidForUDP(someDatagram(random)) }),
	"ConnectionWriter.Manager":       quiet(func(s *scene, _ *rand.Rand) { s.writer.Manager() }),
	"ConnectionWriter.RawMode":       quiet(func(s *scene, _ *rand.Rand) { s.writer.RawMode() }),
	"ConnectionWriter.Send": fails(func(s *scene, random *rand.Rand) error {
		return s.writer.Send(someDatagram(random), s.conn(random))
	}, wrongConnection, reason),
	"ConnectionWriter.SendTo": fails(func(s *scene, random *rand.Rand) error {
		return s.writer.SendTo(someDatagram(random), s.conn(random), s.sink)
	}, wrongConnection, reason),
	"ConnectionWriter.SetRawMode": quiet(func(s *scene, random *rand.Rand) { s.writer.SetRawMode(random.IntN(4) == 0) }),
	"ConnectionWriter.SetTCPHeaderSize": fails(func(s *scene, random *rand.Rand) error {
		return s.writer.SetTCPHeaderSize(random.IntN(5))
	}, oneOf(ErrHeaderSize)),
	"ConnectionWriter.Shutdown": quiet(func(s *scene, random *rand.Rand) {
		writer := NewConnectionWriter(s.manager)
		if s.closing.Load() && random.IntN(10) == 0 {
			writer = s.writer
		}
		writer.Send(someDatagram(random), s.conn(random))
		writer.Shutdown()
	}),
	"ConnectionWriter.TCPHeaderSize": quiet(func(s *scene, _ *rand.Rand) { s.writer.TCPHeaderSize() }),

	"PendingConnection.Cancel": quiet(func(s *scene, random *rand.Rand) { s.begun(random).Cancel() }),
	"PendingConnection.Ready":  quiet(func(s *scene, random *rand.Rand) { s.begun(random).Ready() }),
	"PendingConnection.Result": fails(func(s *scene, random *rand.Rand) error {
		return s.opened(s.begun(random).Result())
	}, oneOf(ErrNotReady, context.Canceled), closedError, timeout, system),
	"PendingConnection.Wait": fails(func(s *scene, random *rand.Rand) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		return s.opened(s.begun(random).Wait(ctx))
	}, oneOf(context.Canceled), closedError, timeout, system),
}
