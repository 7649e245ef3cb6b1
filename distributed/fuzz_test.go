package distributed

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/deepfuzz"
	"github.com/stretchr/testify/require"
)

func FuzzServer(f *testing.F) { target := fuzzServer(f); target.Fuzz(f) }
func FuzzClient(f *testing.F) { target := fuzzClient(f); target.Fuzz(f) }

func FuzzProcess(f *testing.F) { target := fuzzProcess(); target.Fuzz(f) }

// TestDeep runs each fuzz target on some inputs, or on very many: see package deepfuzz.
func TestDeep(t *testing.T) {
	for _, target := range []deepfuzz.Target{fuzzServer(t), fuzzClient(t), fuzzProcess()} {
		t.Run(target.Name, target.Deep)
	}
}

// fuzzConfigs are the servers that are fuzzed.
var fuzzConfigs = []ServerConfig{
	{}, {AskAll: true}, {CacheFields: true}, {RepairRequired: true}, {CacheFields: true, RepairRequired: true},
	{MaxObjectsPerClient: 2, MaxZonesPerClient: 3, MaxOpenedPerSecond: 1},
}

// The length of a message in a fuzzed input has two bits more: whether the second client
// sends it, and whether a frame ends before it.
const (
	fuzzSecond = 1 << 14
	fuzzFrame  = 1 << 15
)

// fuzzServer gives the state any messages of two clients: nothing that anybody gets may be
// unreadable, and its tables stay consistent.
func fuzzServer(t testing.TB) deepfuzz.Target {
	target := deepfuzz.Target{Name: "FuzzServer", Check: checkServer}
	var all, session []byte
	for _, payload := range everyMessage(&peer{base: 1}) {
		all = append(all, frame(payload)...)
	}
	for _, step := range readSession(t) {
		for _, m := range step.c2s {
			bits := len(m.payload)
			if m.from != "AI" {
				bits |= fuzzSecond
			}
			session = binary.LittleEndian.AppendUint16(session, uint16(bits|fuzzFrame))
			session = append(session, m.payload...)
		}
	}
	for i := range fuzzConfigs {
		target.Seeds = append(target.Seeds, []any{byte(i), all}, []any{byte(i), session})
	}
	return target
}

func checkServer(t *testing.T, config byte, data []byte) {
	c := fuzzConfigs[int(config)%len(fuzzConfigs)]
	c = c.withDefaults()
	s := newState(&c, testFile, reader{t}, 65535)
	s.now = time.Unix(1_000_000, 0)
	clients := []*Client{{}, {}, {}}
	for _, c := range clients {
		s.join(c)
	}
	s.handle(clients[2], interest(5, 6))
	for len(data) > 2 {
		bits := int(binary.LittleEndian.Uint16(data))
		if bits&fuzzFrame != 0 {
			s.endFrame()
			s.now = s.now.Add(time.Second)
		}
		n := min(bits&(fuzzSecond-1), len(data)-2)
		c := clients[bits&fuzzSecond/fuzzSecond]
		if s.clients[c.base] == c && !s.handle(c, data[2:2+n]) {
			s.leave(c)
		}
		data = data[2+n:]
	}
	s.requireConsistent(t)
	s.endFrame()
	s.requireConsistent(t)
	for _, c := range clients {
		if s.clients[c.base] == c {
			s.leave(c)
		}
	}
	require.Empty(t, s.zones)
	require.Empty(t, s.objects)
}

// A reader requires that everything that is sent can be read.
type reader struct{ t *testing.T }

func (r reader) send(payload []byte, _ *Client) { r.check(payload) }

func (r reader) sendZone(payload []byte, _ []*membership, _ *Client) { r.check(payload) }

func (r reader) check(payload []byte) {
	if err := unpacks(payload); err != nil {
		r.t.Fatalf("% x: %v", payload, err)
	}
}

// fuzzProcess gives a server any messages of another process, which has the first range of ids.
func fuzzProcess() deepfuzz.Target {
	other := &peer{base: 1}
	var all []byte
	for _, m := range []processMessage{
		{kind: zoneList, zone: 5, version: 3, total: 1, entries: appendEntry(nil, 7, 2)},
		{kind: zoneGenerate, zone: 5, version: 1, payload: thingFor(other, 5)},
		{kind: zoneUpdate, zone: 5, version: 1, client: 1_000_001, payload: sayFrom(other, "x")},
		{kind: zoneMove, zone: 5, version: 4, doID: 1, to: 6},
		{kind: zoneGenerate, zone: 6, version: 4, answer: true, payload: thingFor(other, 6)},
		{kind: zoneRequest, zone: 5, world: testFile.Hash() ^ defaultIDRange},
		{kind: forwardHello, world: testFile.Hash() ^ defaultIDRange},
		{kind: forwardNone, version: 9, zones: idList(interest(5, 6)[2:])},
		{kind: forwardResync, world: testFile.Hash() ^ defaultIDRange, zones: idList(interest(5, 6)[2:])},
		{kind: forwardClient, client: 1, payload: set(1_000_001, "Thing", "ask", 7)},
		{kind: forwardClient, client: 1, payload: target(1, 1_000_001, "Thing", "ask", 7)},
		{kind: forwardTarget, client: 1_000_001, payload: sayFrom(other, "x")},
		{kind: zoneDelete, zone: 6, version: 5, payload: remove(1)},
	} {
		all = append(all, frame(m.appendTo(nil))...)
	}
	return deepfuzz.Target{Name: "FuzzProcess", Check: checkProcess, Seeds: [][]any{{all}}}
}

func checkProcess(t *testing.T, data []byte) {
	fabric := newFabric(defaultIDRange, 2)
	_, _ = fabric.links[0].TakeRange()
	config := (&ServerConfig{Processes: fabric.links[1]}).withDefaults()
	s := newState(&config, testFile, reader{t}, 65535)
	s.now = time.Unix(1_000_000, 0)
	c := &Client{}
	s.join(c)
	s.handle(c, interest(5))
	s.handle(c, thing(5, c.base))
	for len(data) > 2 {
		n := min(int(data[0])|int(data[1]&^0xc0)<<8, len(data)-2)
		switch data[1] >> 6 {
		case 1:
			s.gap(0, 5)
		case 2:
			s.handle(c, interest(5, 6))
			s.endFrame()
		case 3:
			s.processLeft(0)
			s.processJoined(0)
		}
		_ = s.deliver(0, data[2:2+n])
		data = data[2+n:]
	}
	s.requireConsistent(t)
	s.processLeft(0)
	require.Empty(t, s.foreign)
	s.leave(c)
	require.Empty(t, s.zones)
}

// fuzzClient gives a client any messages of a server: what it has for objects stays
// consistent, and no half object is made.
func fuzzClient(t testing.TB) deepfuzz.Target {
	var all, session []byte
	for _, test := range serverMessages {
		all = append(all, frame(test.made)...)
	}
	for _, step := range readSession(t) {
		for _, payload := range step.s2c["A"] {
			session = append(session, frame(unhex(payload))...)
		}
	}
	return deepfuzz.Target{Name: "FuzzClient", Check: checkClient, Seeds: [][]any{
		{all}, {session},
		{frame(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, named), from1(2, "Thing", "setAB", 1.5, 2.5),
			appendObjectGenerate(nil, 1, 5, classNumber("TimeManager"), 3, unhex("0000")),
			appendObjectGenerate(nil, 1, 5, classNumber("Mover"), 4, unhex("0000")), from1(4, "Mover", "setSmXYH", 3, 1, 10, 1000), disable(2, 3))},
	}}
}

func checkClient(t *testing.T, data []byte) {
	s := newStage(t, false)
	require.NoError(t, s.Register("Mover", newMover))
	s.create()
	for len(data) > 2 {
		n := min(int(data[0])|int(data[1])<<8, len(data)-2)
		s.comes(data[2 : 2+n])
		data = data[2+n:]
	}
	for id, o := range s.Objects() {
		require.Equal(t, id, o.object().DoID())
		require.Same(t, s.ClientRepository, o.object().Repository())
	}
	s.Disconnect()
	require.Empty(t, s.objects)
}

// The server's side of the recorded session, played to Go clients: they can use all of it,
// and see at the end of each step what Panda3D's clients saw.
func TestSessionOfClients(t *testing.T) {
	for _, who := range []string{"AI", "A", "B", "C"} {
		t.Run(who, func(t *testing.T) {
			s := newStage(t, true)
			s.ids = nil
			require.NoError(t, s.Register("Mover", newMover))
			seen := make(map[uint32]bool)
			for _, step := range readSession(t) {
				for _, text := range step.s2c[who] {
					s.comes(unhex(text))
					s.reports(0, MessageIgnored)
					s.reports(0, MethodFailed)
					follow(seen, unhex(text))
				}
				got := make(map[uint32]bool)
				for id := range s.Objects() {
					got[id] = true
				}
				require.Equal(t, seen, got, "step %d", step.number)
			}
		})
	}
}

// follow keeps what a client sees.
func follow(seen map[uint32]bool, payload []byte) {
	m, err := decodeServerMessage(payload)
	if err != nil {
		panic(err)
	}
	switch m.kind {
	case objectGenerate:
		if slices.Contains([]uint16{classNumber("Thing"), classNumber("Mover"), classNumber("TimeManager"), classNumber("Data"), classNumber("Trap")}, m.class) {
			seen[m.doID] = true
		}
	case objectDisable:
		for id := range m.ids.all() {
			delete(seen, id)
		}
	case objectDelete:
		delete(seen, m.doID)
	}
}
