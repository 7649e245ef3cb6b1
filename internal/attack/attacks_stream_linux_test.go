package attack

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
)

// streamAttacks are those by what is sent.
func streamAttacks() []*attack {
	return []*attack{halfHeaders(), halfDatagrams(), slowBytes(), hostileLengths(), maximumLengths(), randomBytes(), hostileDatagrams()}
}

const many = 200 // that come at once

var hello = number(1, 20)

// stall sends a piece of a datagram behind a whole one, and no more.
func stall(piece func(a *attacker) []byte) func(a *attacker) {
	return func(a *attacker) {
		a.each(many, func(i int) {
			p := a.dial()
			p.send(hello)
			p.write(piece(a))
			time.Sleep(a.hold)
			if i%2 == 0 {
				p.fin()
			} else {
				p.rst()
			}
		})
	}
}

func halfHeaders() *attack {
	return &attack{
		name: "half-headers",
		what: "200 stalled in half a header",
		run:  stall(func(*attacker) []byte { return []byte{5} }),
		hold: func() int64 { return 0 },
	}
}

// What the header announces must not be allocated before it has come.
func halfDatagrams() *attack {
	return &attack{
		name:   "half-datagrams",
		what:   "200 stalled in half a datagram",
		config: queuednet.Config{TCPHeaderSize: 4},
		run: stall(func(a *attacker) []byte {
			return append(a.header(nil, 1<<20), make([]byte, 1000)...)
		}),
		hold: func() int64 { return many * 2 << 10 },
	}
}

func slowBytes() *attack {
	return &attack{
		name: "slow-bytes",
		what: "200 that send one byte every 50 ms",
		run: func(a *attacker) {
			stream := a.frame(a.frame(a.frame(nil, hello), nil), number(2, 5))
			a.each(many, func(i int) {
				p := a.dial()
				time.Sleep(time.Duration(i) * 50 * time.Millisecond / many)
				bytes := int(pick(1500*time.Millisecond, 20*time.Second) / (50 * time.Millisecond))
				for n := range bytes + i%4 {
					p.write(stream[n%len(stream):][:1])
					time.Sleep(50 * time.Millisecond)
				}
				p.fin()
			})
		},
		hold: func() int64 { return many * 512 },
	}
}

func hostileLengths() *attack {
	return &attack{
		name:   "hostile-lengths",
		what:   "lengths of 0x7fffffff and 0xffffffff, followed by 400 MB",
		config: queuednet.Config{TCPHeaderSize: 4},
		run: func(a *attacker) {
			block := make([]byte, 1<<20)
			a.each(pick(8, 20), func(i int) {
				p := a.dial()
				p.send(hello)
				p.write(a.header(nil, []uint32{0x7fffffff, 0xffffffff}[i%2]))
				accepted := 0
				for accepted < 400<<20 && p.write(block) == nil {
					accepted += len(block)
				}
				a.note("MiB taken of a connection", float64(accepted>>20))
				p.fin()
			})
		},
		hold: func() int64 { return int64(pick(8, 20)) * 64 << 10 },
		check: func(t *testing.T, o *outcome) {
			assert.Less(t, o.attacker.Notes["MiB taken of a connection"], 64.0, "the sender was not stopped")
		},
	}
}

func maximumLengths() *attack {
	return &attack{
		name:   "maximum-lengths",
		what:   "lengths one below, at and one above the maximum",
		config: queuednet.Config{TCPHeaderSize: 4},
		run: func(a *attacker) {
			a.each(12, func(i int) {
				for range pick(1, 10) {
					p := a.dial()
					p.send(hello)
					p.send(make([]byte, int(a.maxDatagram())-1+i%3))
					p.send(hello)
					p.fin()
				}
			})
		},
		hold: func() int64 { return 12 * 3 << 20 }, // a datagram each, and the block that it outgrew
	}
}

func randomBytes() *attack {
	return &attack{
		name:   "random-bytes",
		what:   "random bytes from 500 connections",
		config: queuednet.Config{MaxDatagramSize: 40_000},
		run: func(a *attacker) {
			a.crowd(pick(500, 5000), 100, func(i int) {
				random := rand.New(rand.NewPCG(uint64(i), 1))
				p := a.dial()
				p.send(hello)
				for range 1 + random.IntN(8) {
					b := make([]byte, 2+random.IntN(20_000))
					for n := range b {
						b[n] = byte(random.Uint32())
					}
					if i%2 == 0 && len(p.tail) == 0 { // begins with a datagram that may be
						binary.LittleEndian.PutUint16(b, uint16(random.IntN(len(b)-1)))
					}
					if p.write(b) != nil {
						break
					}
				}
				p.fin()
			})
		},
		hold: func() int64 { return 100 * 256 << 10 },
	}
}

func hostileDatagrams() *attack {
	return &attack{
		name: "hostile-datagrams",
		what: "datagrams hostile to the iterator",
		run: func(a *attacker) {
			a.each(50, func(i int) {
				random := rand.New(rand.NewPCG(uint64(i), 2))
				p := a.dial()
				for range pick(100, 1000) {
					for range 3 {
						p.send(hostile(random))
					}
					time.Sleep(10 * time.Millisecond)
				}
				p.fin()
			})
		},
		received: func(_ *server, e *entry, datagram *queuednet.NetDatagram) { readAs(datagram, reads[e.N%len(reads)]) },
		hold:     func() int64 { return 50 * 8 << 10 },
	}
}

// hostile returns a datagram with lengths that promise too much.
func hostile(random *rand.Rand) []byte {
	b := make([]byte, random.IntN(40))
	for i := range b {
		b[i] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(random.Uint32())}[random.IntN(6)]
	}
	return b
}

// readAs reads a datagram as what it is not. That may not panic, read past the
// end or allocate what a length claims.
func readAs(datagram *queuednet.NetDatagram, read func(*queuednet.DatagramIterator)) {
	it := datagram.Iterator()
	for range 50 {
		before := it.CurrentIndex()
		read(&it)
		if it.Err() != nil || it.CurrentIndex() == before {
			break
		}
	}
	if it.CurrentIndex() > datagram.Length() || it.CurrentIndex() < 0 {
		panic("the iterator is outside of its datagram")
	}
}

var reads = []func(it *queuednet.DatagramIterator){
	func(it *queuednet.DatagramIterator) { it.GetString() },
	func(it *queuednet.DatagramIterator) { it.GetString32() },
	func(it *queuednet.DatagramIterator) { it.GetZString() },
	func(it *queuednet.DatagramIterator) { it.GetWString() },
	func(it *queuednet.DatagramIterator) { it.GetBlob() },
	func(it *queuednet.DatagramIterator) { it.GetBlob32() },
	func(it *queuednet.DatagramIterator) { it.GetFixedString(int(it.GetInt32())) },
	func(it *queuednet.DatagramIterator) { it.ExtractBytes(int(it.GetInt32())) },
	func(it *queuednet.DatagramIterator) { it.SkipBytes(int(it.GetInt32())) },
	func(it *queuednet.DatagramIterator) { it.GetUint64(); it.GetFloat64(); it.GetBool() },
	func(it *queuednet.DatagramIterator) { it.GetBEFloat32(); it.GetBEUint16(); it.PeekUint16() },
}
