package objects

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// The scripts of the conformance table, played with clients that are spread over three nodes: what
// each gets is what it gets of a single server. Of the rows that have none, about ranges and about the end of a
// connection on the wire, rows_test.go has some.
func TestConformance(t *testing.T) {
	scripts, file := readScripts(t)
	require.Greater(t, len(scripts), 40)
	byConfig := make(map[scriptConfig][]*script)
	for _, s := range scripts {
		byConfig[s.Config] = append(byConfig[s.Config], s)
	}
	for config, scripts := range byConfig {
		t.Run(fmt.Sprintf("%+v", config), func(t *testing.T) {
			stage := newStage(t, config, file)
			for _, s := range scripts {
				t.Run(s.Row, func(t *testing.T) { stage.play(t, s) })
			}
		})
	}
}

// A script is described where it is recorded, in package distributed.
type script struct {
	Row    string
	Config scriptConfig
	Steps  []struct {
		Do       string
		Peer     int
		Payloads []string
		Dropped  map[int]uint64
	}
}

type scriptConfig struct {
	RepairRequired    bool
	RelayUnchecked    bool
	MaxZonesPerClient int
}

const scriptPath = "../../distributed/testdata/rows.jsonl"

func readScripts(t *testing.T) (scripts []*script, file *dc.File) {
	text, err := os.ReadFile(scriptPath)
	if os.IsNotExist(err) {
		t.Skip("the scripts are beside the module, in its repository")
	}
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		if file == nil {
			var head struct{ DC []string }
			require.NoError(t, json.Unmarshal(line, &head))
			var sources []dc.Source
			for _, text := range head.DC {
				sources = append(sources, dc.Source{Name: "rows.dc", Text: []byte(text)})
			}
			file, err = dc.ParseSources(sources...)
			require.NoError(t, err)
			continue
		}
		s := &script{}
		require.NoError(t, json.Unmarshal(line, s))
		scripts = append(scripts, s)
	}
	return scripts, file
}

func payload(t *testing.T, text string) []byte {
	t.Helper()
	packed, ok := strings.CutPrefix(text, "z:")
	if !ok {
		b, err := hex.DecodeString(text)
		require.NoError(t, err)
		return b
	}
	b, err := base64.StdEncoding.DecodeString(packed)
	require.NoError(t, err)
	r, err := zlib.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	b, err = io.ReadAll(r)
	require.NoError(t, err)
	return b
}

// A stage is three nodes on which scripts are played, one after the other.
type stage struct {
	t       *testing.T
	servers []*server
	fences  map[string]int
	fence   int
	sent    uint64
	peers   []*peer
	dropped [64]uint64 // before the script
}

// A peer is a raw client.
type peer struct {
	conn net.Conn
	in   *bufio.Reader
	base uint32
}

func newStage(t *testing.T, config scriptConfig, file *dc.File) *stage {
	s := &stage{t: t, fences: make(map[string]int)}
	var routes []string
	for i := range 3 {
		server, err := startServer(cluster.Config{Number: uint16(i + 1), Routes: routes}, &distributed.ServerConfig{
			RepairRequired: config.RepairRequired, RelayUnchecked: config.RelayUnchecked, MaxZonesPerClient: config.MaxZonesPerClient,
		}, file, Config{Message: func(m *cluster.Message) { s.fences[string(m.Payload())]++ }})
		require.NoError(t, err)
		t.Cleanup(func() { server.node.Close(); server.Close() })
		routes = append(routes, server.node.ListenAddress())
		s.servers = append(s.servers, server)
	}
	s.until("the nodes know each other", func() bool {
		for _, a := range s.servers {
			for _, b := range s.servers {
				if a != b && !a.saw(cluster.NodeJoined, b.node.Number()) {
					return false
				}
			}
		}
		return true
	})
	return s
}

func (s *stage) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(100 * time.Microsecond) {
		require.True(s.t, time.Now().Before(deadline), "never so: %s", what)
		for _, server := range s.servers {
			server.Update()
		}
	}
}

// settle waits until the servers have handled what was sent, and all that they told each other of it:
// what a node sends arrives in order, and an answer may be answered again.
func (s *stage) settle() {
	s.t.Helper()
	s.until("all handled", func() bool {
		var received uint64
		for _, server := range s.servers {
			received += server.Stats().Received
		}
		return received == s.sent
	})
	for range 3 {
		s.fence++
		text := strconv.Itoa(s.fence)
		for _, from := range s.servers {
			for _, to := range s.servers {
				if from != to {
					require.NoError(s.t, from.node.Send(queuednet.NewDatagram([]byte(text)), to.node.Self()))
				}
			}
		}
		s.until("fences", func() bool { return s.fences[text] == 6 })
	}
}

func (s *stage) play(t *testing.T, script *script) {
	s.t, s.peers, s.dropped = t, nil, s.drops()
	defer s.clear()
	for i, step := range script.Steps {
		var payloads [][]byte
		for _, text := range step.Payloads {
			payloads = append(payloads, payload(t, text))
		}
		if step.Do == "connect" {
			s.connect()
			continue
		}
		switch p := s.peer(step.Peer); step.Do {
		case "send":
			s.send(p, payloads)
		case "settle":
			s.settle()
		case "drain":
			s.take(p)
		case "gets":
			want := []string{}
			for _, payload := range payloads {
				want = append(want, hex.EncodeToString(s.translate(payload)))
			}
			require.Equal(t, want, s.take(p), "step %d, peer %d", i, step.Peer)
		case "close":
			s.close(p)
			if i+1 == len(script.Steps) || script.Steps[i+1].Do != "close" {
				s.settle()
			}
		case "dropped":
			now := s.drops()
			for reason := range now {
				require.Equal(t, step.Dropped[reason], now[reason]-s.dropped[reason], "step %d, %v", i, distributed.DropReason(reason))
			}
		default:
			t.Fatalf("step %d: %s", i, step.Do)
		}
	}
}

func (s *stage) peer(i int) *peer {
	if i < 0 || i >= len(s.peers) {
		return nil
	}
	return s.peers[i]
}

func (s *stage) drops() (sum [64]uint64) {
	for _, server := range s.servers {
		for reason, n := range server.Stats().Dropped {
			sum[reason] += n
		}
	}
	return sum
}

// connect connects a client to the next node.
func (s *stage) connect() {
	s.t.Helper()
	server := s.servers[len(s.peers)%len(s.servers)]
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(server.port)), patience)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(2*patience)))
	p := &peer{conn: conn, in: bufio.NewReader(conn)}
	s.peers = append(s.peers, p)
	s.until("joined", func() bool {
		for c := range server.Clients() {
			if c.Address().String() == conn.LocalAddr().String() {
				p.base = c.DoIDBase()
			}
		}
		return p.base != 0
	})
	want := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32([]byte{0x29, 0x23}, p.base), defaultIDRange)
	require.Equal(s.t, want, p.read(s.t))
}

func (s *stage) send(p *peer, payloads [][]byte) {
	s.t.Helper()
	var b []byte
	for _, payload := range payloads {
		payload = s.translate(payload)
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(payload))), payload...)
	}
	_, err := p.conn.Write(b)
	require.NoError(s.t, err)
	s.sent += uint64(len(payloads))
}

func (p *peer) read(t *testing.T) []byte {
	t.Helper()
	var header [2]byte
	_, err := io.ReadFull(p.in, header[:])
	require.NoError(t, err)
	payload := make([]byte, binary.LittleEndian.Uint16(header[:]))
	_, err = io.ReadFull(p.in, payload)
	require.NoError(t, err)
	return payload
}

// take returns what a peer has got: a mark that its server sends last tells where that ends.
func (s *stage) take(p *peer) []string {
	s.t.Helper()
	server := s.servers[slices.Index(s.peers, p)%len(s.servers)]
	mark := queuednet.NewDatagram([]byte("mark"))
	writer := queuednet.NewConnectionWriter(server.Manager())
	require.NoError(s.t, writer.Send(mark, server.Client(p.base).Connection()))
	writer.Flush()
	all := []string{}
	for {
		payload := p.read(s.t)
		if bytes.Equal(payload, mark.Message()) {
			return all
		}
		all = append(all, hex.EncodeToString(payload))
	}
}

// close ends a client, and waits until its server knows. The other nodes may not know yet.
func (s *stage) close(p *peer) {
	s.t.Helper()
	if p == nil || p.conn.Close() != nil {
		return
	}
	server := s.servers[slices.Index(s.peers, p)%len(s.servers)]
	s.until("gone", func() bool { return server.Client(p.base) == nil })
	var received uint64
	for _, server := range s.servers {
		received += server.Stats().Received
	}
	s.sent = received // what it had sent last may be lost
}

// clear ends all clients, and with them all objects.
func (s *stage) clear() {
	for _, p := range s.peers {
		s.close(p)
	}
	s.settle()
	for _, server := range s.servers {
		stats := server.Stats()
		require.Zero(s.t, stats.Objects+stats.ForeignObjects+stats.Zones)
		require.Zero(s.t, server.processes.Stats().Invalid)
	}
}

// idPositions says where ids are in the messages of a type.
var idPositions = map[uint16][]int{
	120: {2}, 9002: {8}, 9003: {2, 12}, 9004: {2, 6}, 9006: {2}, 9010: {2}, 9011: {2, 6},
}

// translate gives a payload the ids of this stage's peers: in the script each has a million.
func (s *stage) translate(payload []byte) []byte {
	if len(payload) < 2 {
		return payload
	}
	payload = slices.Clone(payload)
	kind := binary.LittleEndian.Uint16(payload)
	positions := idPositions[kind]
	for at := 2; kind == 9005 && at+4 <= len(payload); at += 4 {
		positions = append(positions, at)
	}
	for _, at := range positions {
		if at+4 <= len(payload) {
			id := binary.LittleEndian.Uint32(payload[at:])
			binary.LittleEndian.PutUint32(payload[at:], s.translateID(id))
		}
	}
	return payload
}

func (s *stage) translateID(id uint32) uint32 {
	if id == 0 {
		return 0
	}
	const size = 1_000_000
	p, offset := s.peer(int((id-1)/size)), (id-1)%size
	switch {
	case p == nil:
		return id
	case offset == size-1:
		offset = defaultIDRange - 1
	}
	return p.base + offset
}
