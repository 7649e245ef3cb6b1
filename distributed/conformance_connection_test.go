package distributed

import (
	"encoding/hex"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// leaves is a scene with a watcher of the two zones in which a client has objects, who
// then goes in some way: the watcher must be told, and the range is free again.
func leaves(t *testing.T, leave func(p *peer)) {
	s := newScene(t, &ServerConfig{IDRange: 1 << 30}) // 3 ranges
	p, watcher := s.connect(), s.watch(5, 6)
	p.send(thing(5, p.base), thing(6, p.base+1))
	watcher.received()
	leave(p)
	s.until("gone", func() bool { return p.client.Err() != nil })
	watcher.gets(remove(p.base), remove(p.base+1))
	require.Zero(t, s.stats().Objects)
	s.connect()
	require.Equal(t, p.base, s.connect().base)
}

var _ = addRows(map[string]func(t *testing.T){
	"S36": func(t *testing.T) {
		leaves(t, func(p *peer) {
			p.send(unhex("3023"))
			require.ErrorIs(t, p.client.Err(), ErrDisconnected)
			require.Empty(t, p.requireEnd())
		})
	},
	"S37": func(t *testing.T) {
		for name, leave := range map[string]func(p *peer){
			"closed":      func(p *peer) { require.NoError(t, p.Close()) },
			"half-closed": func(p *peer) { require.NoError(t, p.Conn.(*net.TCPConn).CloseWrite()) },
			"reset": func(p *peer) {
				require.NoError(t, p.Conn.(*net.TCPConn).SetLinger(0))
				require.NoError(t, p.Close())
			},
			"inside a datagram": func(p *peer) {
				_, err := p.Write([]byte{20, 0, 1, 2, 3})
				require.NoError(t, err)
				require.NoError(t, p.Close())
			},
		} {
			t.Run(name, func(t *testing.T) { leaves(t, leave) })
		}
	},
	"S38": func(t *testing.T) {
		s := newScene(t, nil)
		p, watcher := s.connect(), s.watch(5)
		_, err := p.Write(frame(thing(5, p.base), unhex("3023"), say(p.base, "late"), thing(5, p.base+1)))
		require.NoError(t, err)
		s.until("gone", func() bool { return p.client.Err() != nil })
		watcher.gets(thingFor(p, 5), remove(p.base))
	},
	"S39": func(t *testing.T) {
		s := newScene(t, nil)
		p, watcher := s.connect(), s.watch(5)
		p.post(thing(5, p.base))
		want := [][]byte{thingFor(p, 5)}
		for i := range 20 {
			p.post(say(p.base, fmt.Sprint(i)))
			want = append(want, sayFrom(p, fmt.Sprint(i)))
		}
		p.Close()
		s.until("gone", func() bool { return p.client.Err() != nil })
		watcher.gets(append(want, remove(p.base))...)
	},
	"S40": func(t *testing.T) {
		s := newScene(t, nil)
		p, watcher := s.connect(), s.watch(5)
		for _, b := range frame(thing(5, p.base), say(p.base, "slow")) {
			_, err := p.Write([]byte{b})
			require.NoError(t, err)
			s.update()
		}
		p.sent += 2
		p.settle()
		watcher.gets(thingFor(p, 5), sayFrom(p, "slow"))
		var all, want [][]byte
		for i := range 500 {
			all = append(all, say(p.base, fmt.Sprint(i)))
			want = append(want, sayFrom(p, fmt.Sprint(i)))
		}
		p.send(all...)
		watcher.gets(want...)
	},
	"S43": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.connect()
		for _, kind := range []messageType{0, 1, 1234, 9001, 9003, 9004, 9005, 9007, 9012, 65535} {
			p.send(appendType(nil, kind), append(appendType(nil, kind), make([]byte, 20)...))
		}
		p.gets()
		s.dropped(map[DropReason]uint64{DropUnknownType: 20})
		s.alive()
	},
	"S44": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.connect()
		p.send(nil, []byte{0x31})
		p.gets()
		s.dropped(map[DropReason]uint64{DropMalformed: 2})
		s.alive()
	},
	"S45": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.connect()
		for _, payload := range everyMessage(p) {
			for n := range payload {
				p.send(payload[:n])
			}
		}
		p.received()
		s.alive()
	},
	"S48": func(t *testing.T) {
		s := newScene(t, &ServerConfig{IDRange: 1_500_000_000})
		a, b := s.connect(), s.connect()
		require.EqualValues(t, 1_500_000_001, b.base)
		refused := s.dial()
		require.Empty(t, refused.requireEnd())
		require.EqualValues(t, 1, s.stats().Refused)
		a.send(thing(5, a.base))
		b.send(interest(5))
		a.gets(request(5))
	},
	"S50": func(t *testing.T) {
		s := newScene(t, nil)
		watcher := s.watch(5)
		bases := make(map[uint32]bool)
		var want [][]byte
		for range 200 {
			p := s.connect()
			bases[p.base] = true
			p.send(thing(6, p.base), set(p.base, "Thing", "answer", 1, "x"), target(watcher.base, p.base, "Thing", "answer", 1, "x"))
			want = append(want, setFrom(p, p.base, "Thing", "answer", 1, "x"))
		}
		require.Len(t, bases, 200)
		watcher.gets(want...)
		for _, p := range s.peers[1:] {
			p.received() // all of it has been sent
		}
	},
})

// everyMessage is one of each message that a client sends, which needs an object of p.
func everyMessage(p *peer) [][]byte {
	return [][]byte{
		interest(5, 6),
		thing(5, p.base),
		generate(5, classNumber("Mover"), p.base+1, "0100 0500 0000000005000000"),
		say(p.base, "hello"),
		target(p.base, p.base, "Thing", "answer", 1, "self"),
		setZone(p.base, 6),
		remove(p.base),
		unhex("3323"),
	}
}

// Every message with each of its bytes changed, and each cut, harms nobody else: those
// who watch get only what unpacks.
func TestEveryByteFlipped(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	watcher := s.watch(5, 6, 7)
	for i := range everyMessage(&peer{base: 1}) {
		p := s.connect()
		p.send(thing(5, p.base))
		payload := everyMessage(p)[i]
		for at := range payload {
			for _, flip := range []byte{0x01, 0x80, 0xff} {
				broken := append([]byte(nil), payload...)
				broken[at] ^= flip
				if messageType(broken[0])|messageType(broken[1])<<8 == clientDisconnect {
					continue
				}
				p.send(broken)
			}
		}
		for _, text := range watcher.received() {
			requireUnpacks(t, text)
		}
		p.Close()
		s.until("gone", func() bool { return p.client.Err() != nil })
	}
	s.alive()
}

// requireUnpacks requires that a client that knows the classes can read a payload.
func requireUnpacks(t *testing.T, text string) {
	t.Helper()
	payload, err := hex.DecodeString(text)
	require.NoError(t, err)
	require.NoError(t, unpacks(payload), text)
}

// unpacks says why a client that knows the classes cannot read a payload.
func unpacks(payload []byte) error {
	m, err := decodeServerMessage(payload)
	if err != nil {
		return err
	}
	switch m.kind {
	case objectGenerate:
		class := testClasses.byNumber(m.class)
		if class == nil {
			return ErrUnknownClass
		}
		return class.walk(m.rest, nil)
	case objectUpdateField:
		field := testFile.FieldByNumber(int(m.field))
		if field == nil {
			return ErrUnknownField
		}
		_, err = field.Validate(m.rest)
	}
	return err
}
