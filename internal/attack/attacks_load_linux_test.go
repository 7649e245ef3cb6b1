package attack

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
)

const (
	receiveQueue = 512 << 10 // the default MaxReceiveQueue
	sendQueue    = 4 << 20   // the default MaxSendQueue
	readBlock    = 64 << 10  // of a connection that is being read
)

// loadAttacks are those by how much, and how fast.
func loadAttacks() []*attack {
	flooded := func() int64 { return receiveQueue + 2*readBlock }
	return []*attack{{
		name: "flood",
		what: "2,000,000 numbered datagrams",
		run:  flood,
		hold: flooded,
	}, {
		name: "flood-stopped",
		what: "2,000,000 numbered datagrams, the program stops three seconds",
		run: func(a *attacker) {
			flood(a)
			time.Sleep(pick(time.Second, 4*time.Second)) // the bystander measures what comes after the stop
		},
		frame: stopOnce(pick(1*time.Second, 3*time.Second)),
		hold:  flooded,
		check: func(t *testing.T, o *outcome) {
			assert.Len(t, o.server.Stops, 1)
			if measured() {
				assert.Greater(t, o.attacker.Notes["s in one write"], 0.7*pick(1*time.Second, 3*time.Second).Seconds(), "the sender was not slowed")
			}
		},
	}, {
		name:  "forgetful-program",
		what:  "a program that forgets to poll for a minute",
		run:   forgotten,
		frame: stopOnce(forgetful()),
		hold:  func() int64 { return 20*(receiveQueue+2*readBlock) + 200*2<<10 },
	}, receivers(), {
		name: "churn",
		what: "20,000 cycles of connect, exchange, close, 50 at once",
		run: func(a *attacker) {
			a.crowd(pick(1000, 20_000), 50, func(i int) {
				p := a.dial()
				p.record.Counted = true
				for n := range 2 {
					if err := p.exchange(number(i+n, 4+i%90)); err != nil {
						a.failed("exchange: %v", err)
					}
				}
				p.fin()
			})
		},
		received: echo,
		hold:     func() int64 { return 100 * 4 << 10 },
	}, {
		name: "vanish",
		what: "2,000 that connect, send one and vanish within a second",
		run: func(a *attacker) {
			start := time.Now()
			for range pick(1, 10) {
				a.crowd(2000, 100, func(i int) {
					time.Sleep(time.Until(start.Add(time.Duration(i) * 450 * time.Microsecond)))
					p := a.dial()
					p.send(number(i, 4+i%1000))
					if i%2 == 0 {
						p.fin()
					} else {
						p.rst()
					}
				})
				time.Sleep(time.Until(start.Add(time.Second)))
				start = start.Add(time.Second)
			}
		},
		hold: func() int64 { return 200 * 4 << 10 },
	}, {
		name:     "live",
		what:     "10,000 live connections with traffic",
		run:      live,
		received: echo,
		hold:     func() int64 { return int64(pick(500, 10_000)) * 1 << 10 },
	}}
}

// flood sends 2,000,000 numbered datagrams as fast as they go.
func flood(a *attacker) {
	p := a.dial()
	count := pick(2_000_000, 2_000_000)
	var b []byte
	longest := time.Duration(0)
	start := time.Now()
	for i := range count {
		b = a.header(b, uint32(12+i%16))
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
		b = append(b, "________________________"[:8+i%16]...)
		if len(b) > 32<<10 || i == count-1 {
			before := time.Now()
			if err := p.write(b); err != nil {
				a.failed("flood: %v", err)
				break
			}
			longest = max(longest, time.Since(before))
			b = b[:0]
		}
	}
	a.note("s in one write", longest.Seconds())
	a.note("s", time.Since(start).Seconds())
	p.fin()
}

// stopOnce makes the program stop when the first datagrams have come.
func stopOnce(pause time.Duration) func(s *server) {
	return func(s *server) {
		if s.state == nil && s.last != nil {
			s.state, s.pause = true, pause
		}
	}
}

// forgetful is how long the program forgets to poll.
func forgetful() time.Duration { return pick(2500*time.Millisecond, time.Minute) }

// forgotten floods by 20, and comes and goes by 200, while nobody looks.
func forgotten(a *attacker) {
	defer func(start time.Time) {
		time.Sleep(time.Until(start.Add(forgetful() + pick(time.Second, 4*time.Second))))
	}(time.Now())
	a.each(220, func(i int) {
		p := a.dial()
		if i >= 20 {
			time.Sleep(a.hold / 2 * time.Duration(i) / 220)
			p.send(number(i, 100))
			p.fin()
			return
		}
		for n := range pick(6_000, 12_000) {
			if err := p.send(number(n, 500+n%100)); err != nil {
				a.failed("while nobody polls: %v", err)
				break
			}
		}
		p.fin()
	})
}

// receivers is a broadcast to 200, among them some who take nothing.
func receivers() *attack {
	const good, never, slow, size = 200, 20, 20, 4000
	frames := pick(150, 60*45)
	config := queuednet.Config{WriteTimeout: pick(time.Second, 30*time.Second)}
	return &attack{
		name:   "deaf-receivers",
		what:   "20 that never read, 20 that read a byte a second, during a broadcast at 60 Hz to 200 others",
		config: config,
		run: func(a *attacker) {
			a.each(good+never+slow, func(i int) {
				p := a.dial()
				if i >= good {
					p.SetReadBuffer(4 << 10)
				}
				p.send([]byte("hello"))
				if i < good {
					next := 0
					err := p.receiveAll(func(payload []byte) {
						if int(binary.LittleEndian.Uint32(payload)) != next {
							a.failed("a broadcast is not number %d", next)
						}
						if next++; next == frames {
							p.fin()
						}
					})
					if next != frames {
						a.failed("only %d broadcasts: %v", next, err)
					}
					return
				}
				p.ends(writeTimeout, sendQueueFull)
				for end := time.Now().Add(time.Duration(frames) * frame); time.Now().Before(end); {
					if i >= good+never {
						p.Read(make([]byte, 1))
					}
					time.Sleep(time.Second)
				}
				p.Close()
			})
		},
		received: func(s *server, e *entry, _ *queuednet.NetDatagram) {
			check(e.conn.SetSendBufferSize(16 << 10)) // so that it is the library's queue that fills
		},
		frame: func(s *server) {
			sent, _ := s.state.(int)
			there := slices.DeleteFunc(slices.Clone(s.ledger), func(e *entry) bool { return e.N == 0 })
			if len(there) < good+never+slow || sent == frames {
				return
			}
			s.state = sent + 1
			s.main.writer.Broadcast(queuednet.NewDatagram(number(sent, size)), func(yield func(*queuednet.Connection) bool) {
				for _, e := range s.ledger {
					if e.Reports == 0 && !yield(e.conn) {
						return
					}
				}
			})
		},
		hold: func() int64 {
			return min((never+slow)*sendQueue, int64((never+slow)*size*frames)) + good*4*size
		},
		check: func(t *testing.T, o *outcome) {
			reasons := make(map[string]int)
			for _, e := range o.server.Ledger {
				reasons[e.Reason]++
			}
			assert.Equal(t, good, reasons[eof], "all reasons: %v", reasons)
			t.Log(slices.Sorted(maps.Keys(reasons)), reasons)
		},
	}
}

// live has many connections that each ask something now and then.
func live(a *attacker) {
	count, length := pick(500, 10_000), pick(2*time.Second, time.Minute)
	pause := pick(200*time.Millisecond, time.Second)
	start := time.Now()
	a.each(count, func(i int) {
		time.Sleep(time.Until(start.Add(time.Duration(i) * 400 * time.Microsecond)))
		p := a.dial()
		p.record.Counted = true
		for end := time.Now().Add(length); time.Now().Before(end); {
			if err := p.exchange(number(i, 8+i%200)); err != nil {
				a.failed("exchange: %v", err)
				break
			}
			time.Sleep(pause)
		}
		p.fin()
	})
}
