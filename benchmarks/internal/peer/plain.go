package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// plainServer is what most programs do: a goroutine a connection for each
// direction, and channels.
type plainServer struct {
	listener net.Listener
	accepted chan *plainConn
	received chan plainDatagram
	waited   []plainDatagram // what Wait has taken, one at most
	fresh    []*plainConn    // likewise
}

type plainDatagram struct {
	conn    *plainConn
	payload []byte
}

// plainConn is a socket and what waits to be written to it.
type plainConn struct {
	net.Conn
	out chan []byte
}

func newPlain() Server { return new(plainServer) }

func (s *plainServer) Listen(int) (address string, err error) {
	s.accepted = make(chan *plainConn, 16<<10)
	s.received = make(chan plainDatagram, 64<<10)
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go s.acceptAll()
	return s.listener.Addr().String(), nil
}

func (s *plainServer) acceptAll() {
	for {
		socket, err := s.listener.Accept()
		if err != nil {
			return
		}
		conn := &plainConn{socket, make(chan []byte, 64)}
		s.accepted <- conn
		go s.read(conn)
		go conn.write()
	}
}

func (s *plainServer) read(conn *plainConn) {
	defer close(conn.out)
	reader := bufio.NewReader(conn)
	var header [wire.HeaderSize]byte
	for {
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint16(header[:]))
		if _, err := io.ReadFull(reader, payload); err != nil {
			return
		}
		s.received <- plainDatagram{conn, payload}
	}
}

func (c *plainConn) write() {
	defer c.Close()
	for frame := range c.out {
		if _, err := c.Write(frame); err != nil {
			break
		}
	}
	for range c.out {
	}
}

func (s *plainServer) Accept(each func(Conn)) {
	for _, conn := range s.fresh {
		each(conn)
	}
	s.fresh = s.fresh[:0]
	for range len(s.accepted) {
		each(<-s.accepted)
	}
}

func (s *plainServer) Available() bool { return len(s.waited) > 0 || len(s.received) > 0 }

func (s *plainServer) Receive(consumer *Consumer) {
	for _, datagram := range s.waited {
		consumer.Take(datagram.conn, datagram.payload)
	}
	s.waited = s.waited[:0]
	for range len(s.received) {
		datagram := <-s.received
		consumer.Take(datagram.conn, datagram.payload)
	}
}

func (s *plainServer) Wait(ctx context.Context) error {
	if s.Available() || len(s.fresh) > 0 {
		return nil
	}
	select {
	case datagram := <-s.received:
		s.waited = append(s.waited, datagram)
	case conn := <-s.accepted:
		s.fresh = append(s.fresh, conn)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (s *plainServer) Send(conn Conn, payload []byte) {
	conn.(*plainConn).out <- wire.AppendFrame(make([]byte, 0, wire.HeaderSize+len(payload)), payload)
}

func (s *plainServer) Broadcast(payload []byte, conns []Conn) {
	frame := wire.AppendFrame(make([]byte, 0, wire.HeaderSize+len(payload)), payload)
	for _, conn := range conns {
		conn.(*plainConn).out <- frame
	}
}

func (s *plainServer) Close() { s.listener.Close() }
