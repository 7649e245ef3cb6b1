package peer

import (
	"context"
	"sync"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// gnetServer is gnet with an inbox behind OnTraffic and an outbox before each
// event loop.
type gnetServer struct {
	gnet.BuiltinEventEngine
	inbox
	engine gnet.Engine
	booted chan struct{}

	mu    sync.Mutex
	boxes map[gnet.EventLoop]*outbox
	all   outboxes
}

func newGnet() Server { return new(gnetServer) }

func (s *gnetServer) Listen(int) (string, error) {
	s.init()
	s.booted = make(chan struct{})
	s.boxes = make(map[gnet.EventLoop]*outbox)
	address, err := freePort()
	if err != nil {
		return "", err
	}
	failed := make(chan error, 1)
	go func() {
		failed <- gnet.Run(s, "tcp://"+address, gnet.WithMulticore(true), gnet.WithReadBufferCap(blockSize),
			gnet.WithLogLevel(logging.ErrorLevel))
	}()
	select {
	case err := <-failed:
		return "", err
	case <-s.booted:
		return address, nil
	}
}

func (s *gnetServer) OnBoot(engine gnet.Engine) gnet.Action {
	s.engine = engine
	close(s.booted)
	return gnet.None
}

func (s *gnetServer) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	conn := &link{box: s.box(c.EventLoop()), writer: gnetConn{c}}
	c.SetContext(conn)
	s.accept(conn)
	return nil, gnet.None
}

// box returns the outbox of an event loop.
func (s *gnetServer) box(loop gnet.EventLoop) *outbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.boxes[loop]
	if box == nil {
		box = new(outbox)
		run := gnet.RunnableFunc(func(context.Context) error {
			box.run()
			return nil
		})
		box.schedule = func() { loop.Execute(context.Background(), run) }
		s.boxes[loop] = box
		s.all = append(s.all, box)
	}
	return box
}

func (s *gnetServer) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	conn := c.Context().(*link)
	conn.feed(&s.inbox, conn, b)
	return gnet.None
}

func (s *gnetServer) Send(conn Conn, payload []byte) { s.all.Send(conn, payload) }

func (s *gnetServer) Broadcast(payload []byte, conns []Conn) {
	s.mu.Lock()
	all := s.all
	s.mu.Unlock()
	all.Broadcast(payload, conns)
}

func (s *gnetServer) Close() { s.engine.Stop(context.Background()) }

// gnetConn writes on its event loop.
type gnetConn struct{ gnet.Conn }

func (c gnetConn) writeFrame(frame []byte) { c.Write(frame) }
