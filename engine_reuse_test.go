package queuednet

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var reuseConnections = flag.Int64("engine.reuse", 1000, "open so many connections in TestDescriptorsAreUsedAgain")

// Connections are opened, reset and closed from both sides at random, while others
// echo: what one sends reaches nobody else, though descriptors and slots are used
// again and again.
func TestDescriptorsAreUsedAgain(t *testing.T) {
	const workers = 8
	e := newEnd(t, nil)
	_, address := e.listen()
	stop := make(chan struct{})
	var loop, clients sync.WaitGroup
	loop.Go(func() { echoStrangers(e, stop) })
	var opened atomic.Int64
	for worker := range workers {
		random := rand.New(rand.NewPCG(rand.Uint64(), 0))
		clients.Go(func() {
			long := visitor{t: t, random: random, address: address, name: fmt.Sprintf("%d stays.", worker)}
			for long.dial(); opened.Add(1) <= *reuseConnections && !t.Failed(); {
				v := visitor{t: t, random: random, address: address, name: fmt.Sprintf("%d, %d.", worker, opened.Load())}
				v.dial()
				v.visit()
				long.exchange("stay")
			}
			_ = long.raw.Close()
		})
	}
	clients.Wait()
	close(stop)
	loop.Wait()
}

// echoStrangers echoes what comes, and closes whom the datagram tells it to. What comes
// from one connection always has the same name in front.
func echoStrangers(e *end, stop chan struct{}) {
	names := make(map[*Connection]string)
	for {
		for conn := range e.listener.NewConnections() {
			_ = e.reader.AddConnection(conn)
		}
		for datagram := range e.reader.Datagrams() {
			conn := datagram.Connection()
			name, what, _ := strings.Cut(string(datagram.Message()), ".")
			if known, ok := names[conn]; ok {
				assert.Equal(e.t, known, name, "from a stranger")
			}
			names[conn] = name
			_ = e.writer.Send(&datagram.Datagram, conn)
			switch {
			case strings.HasPrefix(what, "close"):
				e.manager.CloseConnection(conn)
				delete(names, conn)
			case strings.HasPrefix(what, "abort"):
				conn.Abort()
				delete(names, conn)
			}
		}
		for conn := range e.manager.ResetConnections() {
			delete(names, conn)
		}
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Microsecond):
		}
	}
}

// A visitor is a client that knows all that it may be sent.
type visitor struct {
	t       *testing.T
	random  *rand.Rand
	address string
	name    string
	raw     *net.TCPConn
	want    []byte
}

func (v *visitor) dial() {
	socket, err := net.Dial("tcp", v.address)
	if assert.NoError(v.t, err) {
		v.raw = socket.(*net.TCPConn)
	}
}

// send writes a datagram that asks for something. Until the next one, what v does is to
// take some minutes at most, however long the test is.
func (v *visitor) send(what string) {
	_ = v.raw.SetDeadline(time.Now().Add(10 * time.Minute))
	frame := framed(2, v.name+what+strings.Repeat("x", v.random.IntN(300)))
	_, err := io.WriteString(v.raw, frame)
	assert.NoError(v.t, err)
	v.want = append(v.want, frame...)
}

// exchange sends a datagram and reads its echo.
func (v *visitor) exchange(what string) {
	v.send(what)
	got := make([]byte, len(v.want))
	_, err := io.ReadFull(v.raw, got)
	assert.NoError(v.t, err)
	assert.Equal(v.t, string(v.want), string(got))
	v.want = v.want[:0]
}

// drain reads to the end: whatever that is, there is nothing of others before it.
func (v *visitor) drain(clean bool) {
	got, err := io.ReadAll(v.raw)
	assert.True(v.t, bytes.HasPrefix(v.want, got), "%q, not of %q", got, v.want)
	if clean {
		assert.NoError(v.t, err)
		assert.Len(v.t, got, len(v.want))
	}
}

// visit exchanges a little, and ends in some way.
func (v *visitor) visit() {
	defer v.raw.Close()
	for range v.random.IntN(3) {
		v.exchange("stay")
	}
	switch v.random.IntN(6) {
	case 0: // it goes
	case 1: // it goes before the echo
		v.send("stay")
	case 2: // it breaks off
		v.send("stay")
		_ = v.raw.SetLinger(0)
	case 3:
		v.send("close")
		v.drain(true)
	case 4:
		v.send("abort")
		v.drain(false)
	case 5:
		v.send("stay")
		_ = v.raw.CloseWrite()
		v.drain(false)
	}
}
