package distributed

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait here. Nothing waits for long unless it is broken.
const patience = time.Minute

const sessionPath = "dc/testdata/panda3d-repository-session.jsonl"

// moreClasses come after those of the recorded session.
const moreClasses = `
dclass Base : DistributedObject {
  again(uint8 n) broadcast;
};
dclass Derived : Base {
  again(uint16 n) broadcast;
  inside(struct { uint8 a; uint8 b; } p) broadcast;
  after(uint8 n) broadcast;
};
dclass Keys : DistributedObject {
  both(uint8 n) p2p broadcast;
  free(uint8 n) clsend reflect;
  asked(uint8 n) p2p broadcast required ram;
};
`

// testText is the text of direct.dc, the classes of the session, and moreClasses.
var testText = func() []string {
	line, err := os.ReadFile(sessionPath)
	if err != nil {
		panic(err)
	}
	var head struct{ Text []string }
	if err := json.NewDecoder(bytes.NewReader(line)).Decode(&head); err != nil {
		panic(err)
	}
	return []string{head.Text[0], head.Text[1], moreClasses}
}()

var testFile = func() *dc.File {
	file, err := dc.ParseSources(
		dc.Source{Name: "direct.dc", Text: []byte(testText[0])},
		dc.Source{Name: "session.dc", Text: []byte(testText[1])},
		dc.Source{Name: "more.dc", Text: []byte(testText[2])})
	if err != nil {
		panic(err)
	}
	return file
}()

var testClasses = newClasses(testFile)

func classNumber(name string) uint16 { return uint16(testFile.Class(name).Number()) }

func fieldNumber(class, field string) uint16 {
	return uint16(testFile.Class(class).Field(field).Number())
}

// A scene is a server with raw clients on real sockets. One goroutine plays all. In a test of
// linked processes the server is several, and each client is connected to the next one.
type scene struct {
	t         *testing.T
	server    *ServerRepository // the first
	servers   []*ServerRepository
	addresses []string
	fabric    *fabric // between them, nil of a single one
	sent      uint64
	peers     []*peer
	script    *script
}

// A peer is a raw client.
type peer struct {
	*scene
	net.Conn
	server *ServerRepository
	client *Client
	base   uint32
}

func newScene(t *testing.T, config *ServerConfig) *scene {
	processes := 1
	if strings.HasPrefix(t.Name(), "TestConformanceLinked/") {
		processes = 3
	}
	return newScenes(t, config, processes)
}

// newScenes is newScene with so many linked processes.
func newScenes(t *testing.T, config *ServerConfig, processes int) *scene {
	s := &scene{t: t}
	s.record(config)
	all := config.withDefaults()
	if processes > 1 {
		s.fabric = newFabric(all.IDRange, processes)
	}
	for i := range processes {
		if s.fabric != nil {
			all.Processes = s.fabric.links[i]
			config = &all
		}
		s.listen(config)
	}
	s.server = s.servers[0]
	for i, server := range s.servers {
		for j := range s.servers {
			if i != j {
				server.ProcessJoined(uint16(j))
			}
		}
	}
	for s.fabric != nil && !s.fabric.idle() {
		s.update()
	}
	t.Cleanup(func() {
		for _, p := range s.peers {
			p.Close()
		}
		for _, server := range s.servers {
			require.NoError(t, server.Close())
		}
		if s.fabric != nil {
			s.fabric.requireNoErrors(t)
		}
	})
	return s
}

func (s *scene) listen(config *ServerConfig) {
	server, err := NewServerRepository(config, testFile)
	require.NoError(s.t, err)
	rendezvous, err := server.OpenTCPServerRendezvous(0, 0)
	require.NoError(s.t, err)
	s.servers = append(s.servers, server)
	s.addresses = append(s.addresses, net.JoinHostPort("127.0.0.1", strconv.Itoa(rendezvous.LocalAddress().Port())))
}

// update is a frame of all servers.
func (s *scene) update() {
	for _, server := range s.servers {
		server.Update()
	}
}

// stats sums the counts of all servers.
func (s *scene) stats() Stats {
	var sum Stats
	for _, server := range s.servers {
		stats := server.Stats()
		sum.Clients += stats.Clients
		sum.Objects += stats.Objects
		sum.Refused += stats.Refused
		sum.Received += stats.Received
		for reason, n := range stats.Dropped {
			sum.Dropped[reason] += n
		}
	}
	return sum
}

// until runs frames until something is so.
func (s *scene) until(what string, done func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			s.t.Fatalf("never so: %s", what)
		}
		s.update()
		time.Sleep(100 * time.Microsecond)
	}
}

// settle runs frames until the servers have handled all that was sent.
func (s *scene) settle() {
	s.t.Helper()
	s.script.Steps = append(s.script.Steps, scriptStep{Do: "settle"})
	s.until("all handled", func() bool {
		return s.stats().Received == s.sent && (s.fabric == nil || s.fabric.idle())
	})
}

// dial opens a connection and does not wait for the server.
func (s *scene) dial() *peer {
	s.t.Helper()
	s.script.opaque = true
	return s.open()
}

func (s *scene) open() *peer {
	s.t.Helper()
	i := len(s.peers) % len(s.servers)
	conn, err := net.DialTimeout("tcp", s.addresses[i], patience)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(3*patience)))
	p := &peer{scene: s, Conn: conn, server: s.servers[i]}
	s.peers = append(s.peers, p)
	return p
}

// connect opens a connection and takes its range of ids.
func (s *scene) connect() *peer {
	s.t.Helper()
	p := s.open()
	p.join()
	p.note("connect")
	return p
}

func (p *peer) join() {
	p.t.Helper()
	p.until("joined", func() bool {
		for c := range p.server.Clients() {
			if c.Address().String() == p.LocalAddr().String() {
				p.client, p.base = c, c.DoIDBase()
			}
		}
		return p.client != nil
	})
	require.Equal(p.t, appendSetDoIDRange(nil, p.base, p.server.config.IDRange), p.read())
}

// watch connects and opens zones.
func (s *scene) watch(zones ...uint32) *peer {
	s.t.Helper()
	p := s.connect()
	p.send(appendIDs(nil, clientSetInterest, zones...))
	return p
}

func frame(payloads ...[]byte) []byte {
	var b []byte
	for _, payload := range payloads {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(payload))), payload...)
	}
	return b
}

// post sends payloads; send also waits until the server has handled them.
func (p *peer) post(payloads ...[]byte) {
	p.t.Helper()
	_, err := p.Conn.Write(frame(payloads...))
	require.NoError(p.t, err)
	p.sent += uint64(len(payloads))
	p.note("send", payloads...)
}

func (p *peer) send(payloads ...[]byte) {
	p.t.Helper()
	p.post(payloads...)
	p.settle()
}

// read returns the next payload.
func (p *peer) read() []byte {
	p.t.Helper()
	payload, err := p.readPayload()
	require.NoError(p.t, err)
	return payload
}

func (p *peer) readPayload() ([]byte, error) {
	var header [2]byte
	if _, err := io.ReadFull(p, header[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, binary.LittleEndian.Uint16(header[:]))
	_, err := io.ReadFull(p, payload)
	return payload, err
}

// Write sends bytes as they are, and Close ends the connection.
func (p *peer) Write(b []byte) (int, error) {
	p.script.opaque = true
	return p.Conn.Write(b)
}

func (p *peer) Close() error {
	p.note("close")
	return p.Conn.Close()
}

// received returns all that the server has sent so far: a mark that it sends last
// tells where that ends.
func (p *peer) received() []string {
	p.t.Helper()
	p.note("drain")
	return p.take()
}

func (p *peer) take() []string {
	p.t.Helper()
	mark := []byte("mark")
	p.server.send(mark, p.client)
	all := []string{}
	for {
		payload := p.read()
		if bytes.Equal(payload, mark) {
			return all
		}
		all = append(all, hex.EncodeToString(payload))
	}
}

// gets requires that the server has sent exactly these payloads.
func (p *peer) gets(payloads ...[]byte) {
	p.t.Helper()
	p.note("gets", payloads...)
	require.Equal(p.t, hexes(payloads), p.take())
}

// requireEnd requires that the server closes the connection, and returns what it sent
// before.
func (p *peer) requireEnd() (payloads []string) {
	p.t.Helper()
	p.script.opaque = true
	ended := make(chan error, 1)
	go func() {
		for {
			payload, err := p.readPayload()
			if err != nil {
				ended <- err
				return
			}
			payloads = append(payloads, hex.EncodeToString(payload))
		}
	}()
	p.until("connection closed by the server", func() bool {
		select {
		case err := <-ended:
			require.NotErrorIs(p.t, err, os.ErrDeadlineExceeded)
			return true
		default:
			return false
		}
	})
	return payloads
}

// alive requires that the server still serves two clients, with an update from one to
// the other.
func (s *scene) alive() {
	s.t.Helper()
	owner, watcher := s.connect(), s.watch(987)
	owner.send(thing(987, owner.base), say(owner.base, "alive"))
	watcher.gets(thingFor(owner, 987), sayFrom(owner, "alive"))
	owner.send(appendIDs(nil, objectDelete, owner.base))
	for _, p := range []*peer{owner, watcher} {
		p.Close()
		s.until("gone", func() bool { return p.client.Err() != nil })
	}
}

// named is the fields of a Thing's generate: its name and no others.
var named = []byte("\x06\x00noname\x00\x00")
