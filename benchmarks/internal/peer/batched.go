package peer

import (
	"encoding/binary"
	"net"
	"runtime"
	"sync"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// batchedServer is the best plain Go that was found: see its Settings.
type batchedServer struct {
	inbox
	outboxes
	listener net.Listener
}

func newBatched() Server { return new(batchedServer) }

func (s *batchedServer) Listen(int) (address string, err error) {
	s.init()
	s.outboxes = newOutboxes(max(2, runtime.GOMAXPROCS(0)))
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go s.acceptAll()
	return s.listener.Addr().String(), nil
}

func (s *batchedServer) acceptAll() {
	for i := 0; ; i++ {
		socket, err := s.listener.Accept()
		if err != nil {
			return
		}
		conn := &link{
			box:    s.outboxes[i%len(s.outboxes)],
			writer: &batchedConn{socket: newRawSocket(socket.(*net.TCPConn))},
		}
		s.accept(conn)
		go s.read(conn)
	}
}

// read is the goroutine of a connection.
func (s *batchedServer) read(conn *link) {
	socket := conn.writer.(*batchedConn).socket
	defer socket.Close()
	var carried []byte // a part of a frame
	for {
		b, err := socket.readBlock(carried)
		if err != nil {
			return
		}
		n := wire.Cut(b.b)
		rest := b.b[n:]
		carried = nil
		if len(rest) > 0 {
			carried = append(carried, rest...)
		}
		switch {
		case n >= blockSize/4:
			s.hand(conn, b, n)
			continue
		case n == 0 && len(b.b) == cap(b.b):
			// A frame that no block holds: the next one is larger.
			carried = append(make([]byte, 0, wire.HeaderSize+int(binary.LittleEndian.Uint16(rest))), rest...)
		default:
			s.put(conn, b.b[:n], nil)
		}
		b.free()
	}
}

func (s *batchedServer) Close() { s.listener.Close() }

// batchedConn writes without waiting, and leaves to a goroutine what the system
// does not take.
type batchedConn struct {
	socket *rawSocket

	mu      sync.Mutex
	busy    bool
	pending []byte
}

func (c *batchedConn) writeFrame(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		frame = frame[c.socket.tryWrite(frame):]
		if len(frame) == 0 {
			return
		}
		c.busy = true
		go c.flush()
	}
	c.pending = append(c.pending, frame...)
}

func (c *batchedConn) flush() {
	for {
		c.mu.Lock()
		pending := c.pending
		c.pending = nil
		c.busy = len(pending) > 0
		c.mu.Unlock()
		if len(pending) == 0 {
			return
		}
		if _, err := c.socket.Write(pending); err != nil {
			return
		}
	}
}
