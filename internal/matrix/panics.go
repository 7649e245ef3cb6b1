package matrix

import (
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

// panicRows are about promise 10.
func panicRows() []row {
	return []row{
		{promise: 10, name: "no bytes cause a panic", test: garbage},
		{promise: 10, name: "no call at a wrong moment causes a panic", test: wrongMoments},
	}
}

// garbage sends random bytes, in place of datagrams and in place of what the kind
// of socket says first.
func garbage(c *cell) {
	for _, size := range []int{2, 4} {
		s := c.serve(&queuednet.Config{TCPHeaderSize: size, FirstDatagramTimeout: 10 * time.Second, CloseTimeout: 100 * time.Millisecond})
		c.receiveGarbage(s)
	}
}

func (c *cell) receiveGarbage(s *testend.Server) {
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range 32 {
		b := make([]byte, 1+dice.IntN(4096))
		for j := range b {
			b[j] = byte(dice.Uint32())
		}
		far := s.Dial()
		if i%2 == 0 && c.kind.Greet != nil {
			far = c.kind.Greet(far)
		}
		go func() {
			far.Write(b)
			far.Close()
		}()
	}
	accepted, ended := 0, 0
	s.Until("their end", func() bool {
		for conn := range s.Listener.NewConnections() {
			accepted++
			s.Add(conn)
		}
		for range s.Reader.Datagrams() {
		}
		for range s.Manager.ResetConnections() {
			ended++
		}
		return accepted >= 16 && ended == accepted
	})
}

func wrongMoments(c *cell) {
	s := c.serve(&queuednet.Config{CloseTimeout: 100 * time.Millisecond})
	ended, far := s.Connect()
	far.Close()
	s.Reset(ended)
	closed, _ := s.Connect()
	s.Manager.CloseConnection(closed)
	open, _ := s.Connect()
	conns := []*queuednet.Connection{ended, closed, open, s.Rendezvous}
	testend.Within(c, "calls", func() {
		for range 2 { // the second time Close has been called
			for _, conn := range conns {
				callAll(conn)
				s.Reader.AddConnection(conn)
				s.Listener.AddConnection(conn)
				s.Writer.Send(queuednet.NewDatagram([]byte("x")), conn)
				s.Reader.RemoveConnection(conn)
				s.Listener.RemoveConnection(conn)
				s.Reader.IsConnectionOk(conn)
				s.Manager.CloseConnection(conn)
			}
		}
		s.Manager.Close()
		for _, conn := range conns {
			callAll(conn)
		}
	})
}

// callAll calls all methods of a connection with the zero values of their
// parameters.
func callAll(conn *queuednet.Connection) {
	value := reflect.ValueOf(conn)
	for i := range value.NumMethod() {
		method := value.Method(i)
		var arguments []reflect.Value
		for j := range method.Type().NumIn() {
			arguments = append(arguments, reflect.Zero(method.Type().In(j)))
		}
		if !method.Type().IsVariadic() {
			method.Call(arguments)
		}
	}
}
