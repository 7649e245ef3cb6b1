package attack

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
)

// cutAttacks are those by when a connection ends.
func cutAttacks() []*attack {
	cut := func(name string, received func(*server, *entry, *queuednet.NetDatagram), end func(p *peer)) *attack {
		return &attack{
			name: "cut-" + name,
			what: "a stream cut at every byte by " + name,
			run: func(a *attacker) {
				stream := a.cutStream()
				a.crowd((len(stream)+1)*pick(2, 20), 50, func(i int) {
					p := a.dial()
					p.write(stream[:i%(len(stream)+1)])
					end(p)
				})
			},
			received: received,
			hold:     func() int64 { return 50 * 1 << 10 },
			check: func(t *testing.T, o *outcome) {
				assert.Greater(t, o.result.Connections, 100)
			},
		}
	}
	return []*attack{
		cut("FIN", nil, (*peer).fin),
		cut("RST", nil, (*peer).rst),
		cut("half-close", echo, func(p *peer) {
			// The peer still listens: the answers to all of it come, and then an end.
			p.record.Counted = true
			p.halfClose()
			if err := p.receiveAll(nil); err != io.EOF {
				p.attacker.failed("behind the answers: %v", err)
			}
			p.Close()
		}),
		{
			name:  "close-while-sending",
			what:  "a connection closed by us at every moment of the peer's sending",
			run:   sendOn,
			frame: closeAll,
			hold:  func() int64 { return 100 * 16 << 10 },
			check: func(t *testing.T, o *outcome) {
				assert.Zero(t, o.result.Ends)
				assert.Greater(t, o.result.Connections, 100)
			},
		},
	}
}

// cutStream is a stream with datagrams of several kinds.
func (a *attacker) cutStream() (stream []byte) {
	for _, size := range []int{3, 0, 10, 2, 70, 0, 1} {
		stream = a.frame(stream, number(size, 70)[:size])
	}
	return stream
}

// receiveAll reads datagrams until the connection ends, and returns how.
func (p *peer) receiveAll(see func([]byte)) error {
	for {
		payload, err := p.receive()
		if err != nil {
			return err
		}
		if see != nil {
			see(payload)
		}
	}
}

// last is what the server says before it closes: it says how much it has taken.
func last(taken int) string { return fmt.Sprint("goodbye after ", taken) }

// closeAll closes connections, which are then in each state of being read.
func closeAll(s *server) {
	for i, e := range s.ledger {
		if !e.Closed && e.Reports == 0 && s.frames-e.accepted >= i%4 {
			s.send(e, queuednet.NewDatagram(number(i, 3000)))
			s.send(e, queuednet.NewDatagram([]byte(last(e.N))))
			s.close(e)
		}
	}
}

// sendOn sends while the server closes: each peer a number of bytes at once, and
// then odd pieces, until it has seen the end.
func sendOn(a *attacker) {
	stream := a.cutStream()
	a.crowd((len(stream)+1)*pick(3, 30), 100, func(i int) {
		p := a.dial()
		p.anyNumber()
		p.ends(closed)
		p.record.Counted = true
		goodbye := ""
		end := make(chan error, 1)
		go func() {
			end <- p.receiveAll(func(payload []byte) { goodbye = string(payload) })
		}()
		p.write(stream[:i%(len(stream)+1)])
		rest := stream[i%(len(stream)+1):]
		for sending := true; sending; {
			select {
			case err := <-end:
				if err != io.EOF {
					a.failed("instead of a clean end: %v", err)
				}
				sending = false
			case <-time.After(time.Duration(i%7+1) * 100 * time.Microsecond):
				if len(rest) == 0 {
					rest = stream
				}
				n := min(1+i%23, len(rest))
				if err := p.write(rest[:n]); err != nil {
					a.failed("while the server closes: %v", err)
				}
				rest = rest[n:]
			}
		}
		if got := goodbye; len(got) < 9 || got[:8] != "goodbye " {
			a.failed("the last datagram is %q", got)
		}
		p.Close()
	})
}
