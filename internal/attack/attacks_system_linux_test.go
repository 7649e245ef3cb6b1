package attack

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
)

// systemAttacks are those where the system, or the program itself, takes
// something away.
func systemAttacks() []*attack {
	return []*attack{
		descriptors(), ports(),
		{
			name:     "listener-closed",
			what:     "listener closed under load, and opened again",
			run:      insist,
			received: echo,
			frame:    closeListener,
			hold:     func() int64 { return 100 * 4 << 10 },
			check: func(t *testing.T, o *outcome) {
				assert.Equal(t, 2.0, o.server.Notes["listener"], "it has not been closed and opened")
				assert.Greater(t, o.attacker.Notes["exchanges after the gap"], 0.0)
			},
		}, {
			name:     "manager-closed",
			what:     "manager closed under load from another goroutine",
			apart:    true,
			once:     true,
			run:      chatter,
			received: echo,
			frame:    closeManager(),
			hold:     func() int64 { return 100 * (receiveQueue + readBlock) },
			check: func(t *testing.T, o *outcome) {
				assert.Greater(t, o.server.Notes["s in Close"], 0.0, "it has not been closed")
				assert.Less(t, o.server.Notes["s in Close"], 10.0, "much longer than CloseTimeout")
			},
		},
	}
}

const descriptorLimit = 128

// A shortage of descriptors, by when it began and the processor time until then.
type shortage struct{ at, cpu time.Duration }

// descriptors lets 300 come to a server that may have 128 descriptors.
func descriptors() *attack {
	return &attack{
		name: "descriptors",
		what: "out of descriptors (limit 128)",
		begin: func(s *server) {
			var rlimit syscall.Rlimit
			check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &rlimit))
			rlimit.Cur = descriptorLimit
			check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &rlimit))
		},
		run: func(a *attacker) {
			a.each(300, func(i int) {
				p := a.dial()
				p.send(number(i, 10))
				time.Sleep(2 * a.hold)
				p.fin()
			})
			start := time.Now()
			p := a.dial()
			p.record.Counted = true
			if err := p.exchange([]byte("again")); err != nil {
				a.failed("service has not resumed: %v", err)
			}
			a.note("s until service resumed", time.Since(start).Seconds())
			p.fin()
		},
		received: func(s *server, e *entry, datagram *queuednet.NetDatagram) {
			if datagram.Length() == len("again") {
				s.send(e, &datagram.Datagram)
			}
		},
		frame: noteShortage,
		hold:  func() int64 { return 0 },
		check: func(t *testing.T, o *outcome) {
			assert.Greater(t, o.server.Notes["s out of descriptors"], 0.1, "it was not out of descriptors")
			if measured() {
				assert.Less(t, o.server.Notes["processors"], 0.3, "it spins")
				assert.Less(t, o.attacker.Notes["s until service resumed"], 2.0)
			}
			assert.Equal(t, 1, o.server.Logged, "log lines: %s", o.server.LogLine)
		},
	}
}

// noteShortage notes how long descriptors have been short, and how busy the process was.
func noteShortage(s *server) {
	if s.open() < descriptorLimit*3/4 {
		return
	}
	now := shortage{time.Since(epoch), processTime()}
	if s.state == nil {
		s.state = now
	}
	first := s.state.(shortage)
	if length := now.at - first.at; length > 0 {
		s.report.Notes["s out of descriptors"] = length.Seconds()
		s.report.Notes["processors"] = float64(now.cpu-first.cpu) / float64(length)
	}
}

// A dialing server opens connections until there are no ports, and goes on.
type dialing struct {
	host    string
	port    int
	pending []*queuednet.PendingConnection
}

// ports makes a server connect to the attacker, who keeps all connections,
// where there are 64 ports.
func ports() *attack {
	return &attack{
		name:      "ports",
		what:      "out of ports",
		namespace: true,
		run:       sink,
		received: func(s *server, _ *entry, datagram *queuednet.NetDatagram) {
			var address queuednet.NetAddress
			it := datagram.Iterator()
			check(address.SetHost(it.GetString(), int(it.GetUint16())))
			s.state = &dialing{host: address.IPString(), port: address.Port()}
		},
		frame: dialOn,
		hold:  func() int64 { return 0 },
		check: func(t *testing.T, o *outcome) {
			assert.Greater(t, o.server.Notes["no port"], 0.0, "it was not out of ports")
			assert.Zero(t, o.server.Notes["other errors"])
			assert.Greater(t, o.attacker.Notes["connections after"], 5.0, "it did not resume")
		},
	}
}

func dialOn(s *server) {
	d, ok := s.state.(*dialing)
	if !ok {
		return
	}
	for len(d.pending) < 4 && d.port != 1 {
		d.pending = append(d.pending, s.main.manager.BeginTCPClientConnection(d.host, d.port, time.Second))
	}
	var still []*queuednet.PendingConnection
	for _, p := range d.pending {
		conn, err := p.Result()
		switch {
		case err == queuednet.ErrNotReady:
			still = append(still, p)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			s.report.Notes["no port"]++
		case err != nil:
			s.report.Notes["other errors"]++
		default:
			check(s.main.reader.AddConnection(conn))
			s.accepted(conn, conn.LocalAddress().String())
		}
	}
	d.pending = still
}

// sink lets the server connect until no more come, lets it go without for a
// while, makes room, and lets it connect again.
func sink(a *attacker) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	address := listener.Addr().(*net.TCPAddr)
	control := a.dial()
	tell := func(port int) {
		var d queuednet.Datagram
		d.AddString("127.0.0.1")
		d.AddUint16(uint16(port))
		control.send(d.Message())
	}
	// all accepts until nobody has come for a time.
	all := func(patience time.Duration) (peers []*peer) {
		for {
			listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
			socket, err := listener.Accept()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return peers
			}
			check(err)
			peers = append(peers, a.peer(socket.(*net.TCPConn), socket.RemoteAddr().String()))
		}
	}
	tell(address.Port)
	for round := range 2 {
		peers := all(300 * time.Millisecond)
		if round == 0 {
			a.note("connections", float64(len(peers)))
			time.Sleep(a.hold)
		} else {
			a.note("connections after", float64(len(peers)))
			tell(1) // stop
			peers = append(peers, all(300*time.Millisecond)...)
		}
		for _, p := range peers {
			p.fin()
		}
	}
	control.fin()
}

// closeListener closes the rendezvous after a while, and opens it again.
func closeListener(s *server) {
	const fresh, shut, open = 0, 1, 2
	type change struct {
		at time.Time
		to float64
	}
	if len(s.ledger) == 0 {
		return
	}
	if s.state == nil {
		s.state = change{time.Now().Add(pick(400*time.Millisecond, 3*time.Second)), shut}
	}
	next := s.state.(change)
	if time.Now().Before(next.at) || next.to > open {
		return
	}
	port := s.attacked.LocalAddress().Port()
	if next.to == shut {
		time.AfterFunc(frame/2, func() { s.attacked.Close() }) // when some have been accepted and not yet taken
	} else {
		s.attacked = s.main.listen(port)
	}
	s.report.Notes["listener"] = next.to
	s.state = change{time.Now().Add(200 * time.Millisecond), next.to + 1}
}

// insist connects and exchanges again and again, whether it is let in or not.
func insist(a *attacker) {
	end := time.Now().Add(pick(1500*time.Millisecond, 10*time.Second))
	var refused atomic.Bool
	a.each(40, func(i int) {
		for n := 0; time.Now().Before(end); n++ {
			p, err := a.tryDial()
			if err != nil {
				refused.Store(true)
				time.Sleep(5 * time.Millisecond)
				continue
			}
			after := refused.Load()
			p.SetDeadline(time.Now().Add(5 * time.Second))
			if err := p.exchange(number(n, 20)); err != nil { // not accepted before the end
				if errors.Is(err, os.ErrDeadlineExceeded) {
					a.failed("neither served nor refused")
				}
				p.record.Maybe = true
				p.ends(eof, reset)
				p.Close()
				refused.Store(true)
				continue
			}
			p.record.Counted = true
			p.fin()
			if after {
				a.note("exchanges after the gap", 1)
			}
		}
	})
}

// closeManager closes the attacked manager from another goroutine while the loop
// goes on.
func closeManager() func(s *server) {
	took := make(chan time.Duration, 1)
	return func(s *server) {
		if s.state == nil && s.last != nil && s.last.N > 20 {
			s.state = true
			go func() {
				start := time.Now()
				s.main.manager.Close()
				took <- time.Since(start)
			}()
		}
		select {
		case d := <-took:
			s.report.Notes["s in Close"] = d.Seconds()
		default:
		}
		if s.state == nil {
			return
		}
		for _, e := range s.ledger { // the program learns of it as from a reader
			if !e.Closed && e.Reports == 0 && errors.Is(e.conn.Err(), net.ErrClosed) {
				e.Closed, e.Reason = true, closed
				s.report.Notes["ended"]++
			}
		}
	}
}

// chatter sends and listens until the server ends it.
func chatter(a *attacker) {
	a.each(100, func(i int) {
		p := a.dial()
		p.anyNumber()
		p.ends(closed)
		p.record.Counted = true
		end := make(chan error, 1)
		go func() { end <- p.receiveAll(nil) }()
		for n := 0; ; n++ {
			select {
			case err := <-end:
				if err != io.EOF {
					a.failed("instead of a clean end: %v", err)
				}
				p.Close()
				return
			default:
				if err := p.send(number(n, 50)); err != nil {
					a.failed("send: %v", err)
					p.Close()
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
	})
}
