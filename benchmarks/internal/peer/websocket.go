package peer

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// webSocketServer is a WebSocket library with an inbox behind its reading
// goroutines and outboxes before its writes, which wait for the network.
type webSocketServer struct {
	inbox
	outboxes
	upgrade  func(http.ResponseWriter, *http.Request) (webSocket, error)
	listener net.Listener
	opened   atomic.Int64
}

// webSocket is a connection of a WebSocket library.
type webSocket interface {
	frameWriter
	// nextMessage waits for the next message.
	nextMessage() (io.Reader, error)
}

func newCoder() Server   { return &webSocketServer{upgrade: upgradeCoder} }
func newGorilla() Server { return &webSocketServer{upgrade: upgradeGorilla} }

func (s *webSocketServer) Listen(int) (address string, err error) {
	s.init()
	s.outboxes = newOutboxes(max(2, runtime.GOMAXPROCS(0)))
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go http.Serve(s.listener, s)
	return s.listener.Addr().String(), nil
}

// ServeHTTP is the goroutine of a connection.
func (s *webSocketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket, err := s.upgrade(w, r)
	if err != nil {
		return
	}
	conn := &link{box: s.outboxes[int(s.opened.Add(1))%len(s.outboxes)], writer: socket}
	s.accept(conn)
	frame := make([]byte, wire.HeaderSize, 512)
	for {
		message, err := socket.nextMessage()
		if err != nil {
			return
		}
		if frame, err = appendAll(frame[:wire.HeaderSize], message); err != nil {
			return
		}
		binary.LittleEndian.PutUint16(frame, uint16(len(frame)-wire.HeaderSize))
		s.put(conn, frame, nil)
	}
}

// appendAll appends all that a reader has.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func (s *webSocketServer) Close() { s.listener.Close() }

type coderConn struct{ *coder.Conn }

func upgradeCoder(w http.ResponseWriter, r *http.Request) (webSocket, error) {
	conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coder.CompressionDisabled})
	return coderConn{conn}, err
}

func (c coderConn) nextMessage() (io.Reader, error) {
	_, message, err := c.Reader(context.Background())
	return message, err
}

func (c coderConn) writeFrame(frame []byte) {
	c.Write(context.Background(), coder.MessageBinary, frame[wire.HeaderSize:])
}

type gorillaConn struct{ *gorilla.Conn }

var upgrader = gorilla.Upgrader{WriteBufferPool: new(sync.Pool)}

func upgradeGorilla(w http.ResponseWriter, r *http.Request) (webSocket, error) {
	conn, err := upgrader.Upgrade(w, r, nil)
	return gorillaConn{conn}, err
}

func (c gorillaConn) nextMessage() (io.Reader, error) {
	_, message, err := c.NextReader()
	return message, err
}

func (c gorillaConn) writeFrame(frame []byte) {
	c.WriteMessage(gorilla.BinaryMessage, frame[wire.HeaderSize:])
}
