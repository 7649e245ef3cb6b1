package peer

import (
	"runtime"
	"sync/atomic"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
)

// nbioServer is nbio with an inbox behind OnData and outboxes before Write,
// which does a system call.
type nbioServer struct {
	inbox
	outboxes
	engine *nbio.Engine
}

func newNbio() Server { return new(nbioServer) }

func (s *nbioServer) Listen(int) (string, error) {
	logging.SetLevel(logging.LevelError)
	s.init()
	s.outboxes = newOutboxes(max(2, runtime.GOMAXPROCS(0)))
	s.engine = nbio.NewEngine(nbio.Config{
		Network:        "tcp",
		Addrs:          []string{"127.0.0.1:0"},
		NPoller:        runtime.GOMAXPROCS(0),
		ReadBufferSize: blockSize,
	})
	var opened atomic.Int64
	s.engine.OnOpen(func(c *nbio.Conn) {
		box := s.outboxes[int(opened.Add(1))%len(s.outboxes)]
		conn := &link{box: box, writer: nbioConn{c}}
		c.SetSession(conn)
		s.accept(conn)
	})
	s.engine.OnData(func(c *nbio.Conn, b []byte) {
		conn := c.Session().(*link)
		conn.feed(&s.inbox, conn, b)
	})
	if err := s.engine.Start(); err != nil {
		return "", err
	}
	return s.engine.Addrs[0], nil
}

func (s *nbioServer) Close() { s.engine.Stop() }

// nbioConn keeps what the system does not take.
type nbioConn struct{ *nbio.Conn }

func (c nbioConn) writeFrame(frame []byte) { c.Write(frame) }
