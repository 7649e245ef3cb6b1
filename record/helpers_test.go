package record

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/require"
)

// TestMain fails the run if a goroutine of the library is left at its end.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(patience); code == 0; time.Sleep(time.Millisecond) {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		if !bytes.Contains(buf, []byte("queuednet.(*")) && !bytes.Contains(buf, []byte("record.(*")) {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "goroutines left:\n%s", buf)
			code = 1
		}
	}
	os.Exit(code)
}

// patience bounds every wait of the tests for something that is to happen.
const patience = time.Minute

// A program is one as the library is for: it drains in frames, and writes down
// what it learns, in words and with the time and the frame.
type program struct {
	t        testing.TB
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	recorder *Recorder
	getData  bool // drain as with Panda3D
	udp      int  // UDP connections that it opens at the beginning

	closed map[*queuednet.Connection]bool
	start  time.Time
	frames int
	log    []entry
}

type entry struct {
	what  string
	at    time.Duration
	frame int
}

// newProgram returns a program that is recorded into sink, if that is not nil.
func newProgram(t testing.TB, config *queuednet.Config, sink datagramfile.DatagramSink) *program {
	t.Helper()
	manager := queuednet.NewQueuedConnectionManager(config)
	t.Cleanup(func() { manager.Close() })
	reader := queuednet.NewQueuedConnectionReader(manager)
	return &program{
		t:        t,
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   reader,
		writer:   queuednet.NewConnectionWriter(manager),
		recorder: NewRecorder(reader, sink),
		closed:   make(map[*queuednet.Connection]bool),
		start:    time.Now(),
	}
}

// frame is a frame of the program. It answers every datagram, and closes the
// connection of who says so.
func (p *program) frame() {
	p.frames++
	for conn := range p.listener.NewConnections() {
		p.recorder.Opened(conn)
		p.note(conn, "comes")
		require.NoError(p.t, p.reader.AddConnection(conn))
	}
	if p.getData {
		var datagram queuednet.NetDatagram
		for p.recorder.DataAvailable() {
			if p.recorder.GetData(&datagram) {
				p.handle(&datagram)
			}
		}
	} else {
		for datagram := range p.recorder.Datagrams() {
			p.handle(datagram)
		}
	}
	for conn := range p.manager.ResetConnections() {
		p.recorder.Ended(conn)
		p.note(conn, "leaves: "+conn.Err().Error())
	}
}

func (p *program) handle(datagram *queuednet.NetDatagram) {
	conn := datagram.Connection()
	if p.closed[conn] {
		return // it was queued when the program closed the connection
	}
	message := string(datagram.Message())
	if conn.IsUDP() {
		p.note(conn, saysOverUDP(datagram.Address(), datagram.LocalAddress(), message))
		// None of the answers is refused in a replay.
		if err := p.writer.SendFrom(&datagram.Datagram, conn, datagram.LocalAddress(), datagram.Address()); err != nil {
			p.note(conn, err.Error())
		}
	} else {
		p.note(conn, says(message))
		p.writer.Send(&datagram.Datagram, conn) // it may have gone
	}
	if message == "close me" && p.manager.CloseConnection(conn) {
		p.closed[conn] = true
		p.recorder.Ended(conn)
		p.note(conn, "is closed")
	}
}

func (p *program) note(conn *queuednet.Connection, what string) {
	p.log = append(p.log, entry{fmt.Sprint(conn.Address(), " ", what), time.Since(p.start), p.frames})
}

// story is what the program learned, in order.
func (p *program) story() []string {
	var story []string
	for _, e := range p.log {
		story = append(story, e.what)
	}
	return story
}

// openedUDP adds a UDP connection to the reader.
func (p *program) openedUDP(conn *queuednet.Connection, err error) *queuednet.Connection {
	p.t.Helper()
	require.NoError(p.t, err)
	p.recorder.Opened(conn)
	p.note(conn, "is opened for UDP")
	require.NoError(p.t, p.reader.AddConnection(conn))
	return conn
}

// play plays a recording to the end of what can be read of it, in frames of this
// length. With a length of 0 a frame begins when there is something to take.
func (p *program) play(recording []byte, speed float64, frame time.Duration) error {
	p.t.Helper()
	replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording), speed)
	require.NoError(p.t, err)
	p.start = time.Now()
	for range p.udp {
		p.openedUDP(replay.OpenUDPConnection())
	}
	require.NoError(p.t, p.listener.AddConnection(replay.Rendezvous()))
	if frame == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		go func() {
			replay.Wait(ctx)
			cancel()
		}()
		for p.manager.WaitForReaders(ctx) == nil {
			p.frame()
		}
	}
	for ; !replay.Done(); time.Sleep(frame) {
		require.Less(p.t, time.Since(p.start), 100*patience)
		p.frame()
		require.Nil(p.t, replay.Err())
	}
	return replay.Err()
}

// addressed is a socket whose peer has an address.
type addressed struct {
	net.Conn
	address netip.AddrPort
}

func (a addressed) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(a.address) }

// A lobby is a listening socket in memory.
type lobby struct {
	*entrance
	waiting chan net.Conn
}

func (l *lobby) Accept() (net.Conn, error) {
	select {
	case conn := <-l.waiting:
		return conn, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// newLobby opens a rendezvous of the program.
func (p *program) newLobby() *lobby {
	p.t.Helper()
	l := &lobby{newEntrance(), make(chan net.Conn)}
	rendezvous, err := p.manager.AdoptRendezvous(l)
	require.NoError(p.t, err)
	require.NoError(p.t, p.listener.AddConnection(rendezvous))
	return l
}

// A client is somebody who is to be recorded. What is sent to them is discarded.
type client struct {
	far     net.Conn
	doings  chan func() // done one after another, as nobody may be reading
	leaving sync.Once
}

// come lets somebody come from an address.
func (l *lobby) come(address string) *client {
	near, far := net.Pipe()
	c := &client{far: far, doings: make(chan func(), 1000)}
	go func() { l.waiting <- addressed{near, netip.MustParseAddrPort(address)} }()
	go func() {
		for do := range c.doings {
			do()
		}
	}()
	go func() {
		io.Copy(io.Discard, far)
		far.Close()
	}()
	return c
}

// say sends texts, with a header of 2 bytes.
func (c *client) say(texts ...string) {
	var b []byte
	for _, text := range texts {
		b, _ = appendFrame(b, 2, []byte(text))
	}
	c.write(b)
}

func (c *client) write(b []byte) {
	c.doings <- func() { c.far.Write(b) }
}

// leave closes the connection when all is said.
func (c *client) leave() {
	c.doings <- func() { c.far.Close() }
	c.end()
}

// end lets nothing more be said.
func (c *client) end() {
	c.leaving.Do(func() { close(c.doings) })
}

// events decodes a recording, up to its end or what is wrong with it.
func events(recording []byte) (all []event, err error) {
	d, err := newDecoder(datagramfile.NewDatagramBuffer(recording))
	for err == nil {
		var e event
		if e, err = d.next(); err == nil {
			e.payload = bytes.Clone(e.payload)
			all = append(all, e)
		}
	}
	return all, err
}

// words tells an event as a program does.
func words(all []event) []string {
	addresses := make(map[uint32]queuednet.NetAddress) // a UDP connection's is its own
	var story []string
	for _, e := range all {
		what := ""
		switch e.kind {
		case opened:
			addresses[e.number] = e.address
			what = "comes"
		case received:
			what = says(string(e.payload))
		case udpOpened:
			addresses[e.number] = e.address
			what = "is opened for UDP"
		case packet:
			local := e.local
			if local == (queuednet.NetAddress{}) && !addresses[e.number].IsAny() {
				local = addresses[e.number]
			}
			what = saysOverUDP(e.address, local, string(e.payload))
		case closed:
			what = "is closed"
		case ended:
			what = "leaves: " + e.reason
		}
		story = append(story, fmt.Sprint(addresses[e.number], " ", what))
	}
	return story
}

func saysOverUDP(from, to queuednet.NetAddress, message string) string {
	return fmt.Sprint("has from ", from, " to ", to, ": ", says(message))
}

// says tells a message in few words.
func says(message string) string {
	if len(message) <= 20 {
		return "says " + message
	}
	return fmt.Sprintf("says %q, %d bytes, %08x", message[:10], len(message), crc32.ChecksumIEEE([]byte(message)))
}
