package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// options says what to run.
type options struct {
	duration time.Duration
	seed     uint64
	clients  int           // about so many at a time
	life     time.Duration // how long one plays, on average
	progress time.Duration // between two lines
}

// A world is a server and everybody who comes to it.
type world struct {
	options options
	ledger  *ledger
	server  *server
	bots    *bots
	pinger  *rawPinger
	leave   chan struct{} // closed when everybody is to leave
	raw     atomic.Int32  // raw clients that live
	lives   sync.WaitGroup
	losses  [2]packetLoss // of UDP, at the end: to the server and to the clients
}

// lifetime draws how long somebody plays.
func (w *world) lifetime(r *rand.Rand) time.Duration {
	return min(time.Duration(r.ExpFloat64()*float64(w.options.life)), 10*w.options.life)
}

// soak runs a world and fails with the first thing that is not as it must be.
func soak(ctx context.Context, options options, out io.Writer) error {
	start := measure()
	fmt.Fprintf(out, "seed %d, for %v, at the beginning: %v\n", options.seed, options.duration, start)
	w := &world{options: options, ledger: newLedger(), leave: make(chan struct{})}
	p := newProgress(w, out)
	err := w.run(ctx, p)
	p.line("at the end")
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		p.report()
		err = errors.Join(p.steady(), returned(start, out))
	}
	return err
}

// run builds the world, lets it live, and takes it down again.
func (w *world) run(ctx context.Context, p *progress) (err error) {
	if w.server, err = newServer(w.ledger, w.options.seed); err != nil {
		return err
	}
	if w.bots, err = newBots(w); err != nil {
		return errors.Join(err, w.server.manager.Close())
	}
	if w.pinger, err = newRawPinger(w.server.packets.address); err != nil {
		return errors.Join(err, w.bots.manager.Close(), w.server.manager.Close())
	}
	var loops, senders, receivers sync.WaitGroup
	stopServer, stopBots, stopPackets := make(chan struct{}), make(chan struct{}), make(chan struct{})
	loops.Go(func() { w.ledger.fail(w.server.run(stopServer)) })
	loops.Go(func() { w.ledger.fail(w.bots.run(stopBots)) })
	senders.Go(func() { w.ledger.fail(w.pinger.send(rand.New(rand.NewPCG(w.options.seed, 3)), stopPackets)) })
	receivers.Go(func() { w.ledger.fail(w.pinger.receive()) })

	w.live(ctx, p)

	// Everybody leaves, each in its own way, and then the loops end.
	close(w.leave)
	w.lives.Wait()
	w.await("the last lives", func() bool { return w.ledger.lives() == 0 })
	close(stopPackets)
	senders.Wait()
	w.bots.packets.quiet.Store(true)
	w.settlePackets()
	close(stopBots)
	close(stopServer)
	loops.Wait()
	w.pinger.conn.Close()
	receivers.Wait()
	w.ledger.fail(w.ledger.complete(w.server.figures.accepted))
	return w.ledger.failed
}

// live lets clients come until the time is over or something has failed.
func (w *world) live(ctx context.Context, p *progress) {
	random := rand.New(rand.NewPCG(w.options.seed, 0))
	end := time.NewTimer(w.options.duration)
	defer end.Stop()
	lines := time.NewTicker(w.options.progress)
	defer lines.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	everybody := append(append([]*role(nil), rawRoles...), botRoles...)
	for {
		select {
		case <-end.C:
			return
		case <-ctx.Done():
			return
		case <-w.ledger.failure:
			return
		case <-lines.C:
			p.line("")
		case <-next.C:
			w.come(draw(random, everybody), random)
			// So many in a lifetime that about the right number live.
			next.Reset(time.Duration(random.ExpFloat64() * float64(w.options.life) / float64(w.options.clients)))
		}
	}
}

// come lets somebody come.
func (w *world) come(role *role, random *rand.Rand) {
	if role.play == nil {
		select {
		case w.bots.arrive <- &bot{life: w.ledger.begin(role)}:
		case <-w.ledger.failure:
		}
		return
	}
	own := rand.New(rand.NewPCG(w.options.seed, random.Uint64()))
	w.raw.Add(1)
	w.lives.Go(func() {
		defer w.raw.Add(-1)
		w.ledger.fail(w.playRaw(role, own))
	})
}

func draw(r *rand.Rand, roles []*role) *role {
	total := 0
	for _, role := range roles {
		total += role.weight
	}
	n := r.IntN(total)
	for _, role := range roles {
		if n -= role.weight; n < 0 {
			return role
		}
	}
	panic("unreachable")
}

// await waits for what must come true, unless something has failed.
func (w *world) await(what string, done func() bool) {
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		select {
		case <-w.ledger.failure:
			return
		default:
		}
		if time.Now().After(end) {
			w.ledger.fail(fmt.Errorf("%s: not within %v", what, patience))
			return
		}
	}
}

// settlePackets waits until each packet has arrived or is known to be dropped.
func (w *world) settlePackets() {
	accounted := func() bool {
		w.losses = w.packetLosses()
		return w.losses[0].exact() && w.losses[1].exact()
	}
	for end := time.Now().Add(2 * time.Second); !accounted() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	for i, name := range []string{"to the server", "to the clients"} {
		if loss := w.losses[i]; !loss.exact() {
			w.ledger.fail(fmt.Errorf("UDP %s: %v", name, loss))
		}
	}
}

// packetLoss is what was sent over UDP one way, and what is known of the rest.
type packetLoss struct {
	sent, received        uint64
	full, unsent, dropped uint64 // by the library's queues, in sending, by the system
	broken                uint64
	unknown               bool // the system does not tell what it dropped
}

func (l packetLoss) exact() bool {
	known := l.received + l.full + l.unsent + l.dropped
	return l.broken == 0 && (known == l.sent || l.unknown && known < l.sent)
}

func (l packetLoss) String() string {
	return fmt.Sprintf("%d sent, %d received, dropped: %d queue full, %d unsent, %d by the system, %d broken",
		l.sent, l.received, l.full, l.unsent, l.dropped, l.broken)
}

func (w *world) packetLosses() [2]packetLoss {
	e, p, raw := w.server.packets, w.bots.packets, w.pinger
	server, bots := e.conn.UDPDrops(), p.conn.UDPDrops()
	atServer, ok := systemDrops(e.address.Port())
	atBots, _ := systemDrops(p.conn.LocalAddress().Port())
	atRaw, _ := systemDrops(portOf(raw.conn.LocalAddr()))
	return [2]packetLoss{{
		sent:     uint64(p.sent.Load()) + uint64(raw.sent.Load()),
		received: uint64(e.received[0].count.Load()) + uint64(e.received[1].count.Load()),
		full:     server.Full, broken: server.Broken, unsent: bots.Unsent, dropped: atServer, unknown: !ok,
	}, {
		sent:     uint64(e.answered[0].Load()) + uint64(e.answered[1].Load()),
		received: uint64(p.received.count.Load()) + uint64(raw.received.count.Load()),
		full:     bots.Full, broken: bots.Broken, unsent: server.Unsent, dropped: atBots + atRaw, unknown: !ok,
	}}
}
