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
	return []*attack{plainFlood(), stoppedFlood(), forgetfulProgram(), receivers(), churn(), vanishing(), liveCrowd()}
}

// flooded is what a flood may hold.
func flooded() int64 { return receiveQueue + 2*readBlock }

func plainFlood() *attack {
	return &attack{
		name: "flood",
		what: "2,000,000 numbered datagrams",
		run:  flood,
		hold: flooded,
	}
}

func stoppedFlood() *attack {
	return &attack{
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
	}
}

func forgetfulProgram() *attack {
	return &attack{
		name:  "forgetful-program",
		what:  "a program that forgets to poll for a minute",
		run:   forgotten,
		frame: stopOnce(forgetful()),
		hold:  func() int64 { return 20*(receiveQueue+2*readBlock) + 200*2<<10 },
	}
}

func churn() *attack {
	return &attack{
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
	}
}

func vanishing() *attack {
	return &attack{
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
	}
}

func liveCrowd() *attack {
	return &attack{
		name:     "live",
		what:     "10,000 live connections with traffic",
		run:      live,
		received: echo,
		hold:     func() int64 { return int64(pick(500, 10_000)) * 1 << 10 },
	}
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

// The receivers of a broadcast to 200, and of those among them who take nothing or little.
const goodReceivers, deafReceivers, slowReceivers, broadcastSize = 200, 20, 20, 4000

func broadcasts() int { return pick(150, 60*45) }

// receivers is a broadcast to 200, among them some who take nothing.
func receivers() *attack {
	return &attack{
		name:   "deaf-receivers",
		what:   "20 that never read, 20 that read a byte a second, during a broadcast at 60 Hz to 200 others",
		config: queuednet.Config{WriteTimeout: pick(time.Second, 30*time.Second)},
		run: func(a *attacker) {
			a.each(goodReceivers+deafReceivers+slowReceivers, func(i int) {
				p := a.dial()
				if i >= goodReceivers {
					p.SetReadBuffer(4 << 10)
				}
				p.send([]byte("hello"))
				if i < goodReceivers {
					receiveBroadcasts(a, p)
				} else {
					receiveLittle(p, i >= goodReceivers+deafReceivers)
				}
			})
		},
		received: func(s *server, e *entry, _ *queuednet.NetDatagram) {
			check(e.conn.SetSendBufferSize(16 << 10)) // so that it is the library's queue that fills
		},
		frame: broadcast,
		hold: func() int64 {
			const bad = deafReceivers + slowReceivers
			return min(bad*sendQueue, int64(bad*broadcastSize*broadcasts())) + goodReceivers*4*broadcastSize
		},
		check: func(t *testing.T, o *outcome) {
			reasons := make(map[string]int)
			for _, e := range o.server.Ledger {
				reasons[e.Reason]++
			}
			assert.Equal(t, goodReceivers, reasons[eof], "all reasons: %v", reasons)
			t.Log(slices.Sorted(maps.Keys(reasons)), reasons)
		},
	}
}

// receiveBroadcasts receives all broadcasts, whose numbers it checks, and ends.
func receiveBroadcasts(a *attacker, p *peer) {
	next, frames := 0, broadcasts()
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
}

// receiveLittle stays for as long as broadcasts come and reads nothing of them, or a byte a
// second.
func receiveLittle(p *peer, aByte bool) {
	p.ends(writeTimeout, sendQueueFull)
	for end := time.Now().Add(time.Duration(broadcasts()) * frame); time.Now().Before(end); {
		if aByte {
			p.Read(make([]byte, 1))
		}
		time.Sleep(time.Second)
	}
	p.Close()
}

// broadcast is a frame of the server: once all are there, it broadcasts.
func broadcast(s *server) {
	sent, _ := s.state.(int)
	there := slices.DeleteFunc(slices.Clone(s.ledger), func(e *entry) bool { return e.N == 0 })
	if len(there) < goodReceivers+deafReceivers+slowReceivers || sent == broadcasts() {
		return
	}
	s.state = sent + 1
	s.main.writer.Broadcast(queuednet.NewDatagram(number(sent, broadcastSize)), func(yield func(*queuednet.Connection) bool) {
		for _, e := range s.ledger {
			if e.Reports == 0 && !yield(e.conn) {
				return
			}
		}
	})
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
