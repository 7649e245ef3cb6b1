package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/internal/free"
)

// What CLUSTER.md says of a machine that is not overloaded; -slow multiplies it.
const (
	noticeLimit = 3 * time.Second // until the last node knows that one has died
	leaveLimit  = time.Second     // until the last node knows that one has left
	backLimit   = 3 * time.Second // until the last player plays again
	patience    = 20 * time.Second
)

// A demo is the servers, as processes, the bots, and what becomes of them.
type demo struct {
	nodes, bots int
	length      time.Duration
	seed        uint64
	slow        time.Duration
	stdout      io.Writer
	ctx         context.Context

	secrets   string // the directory
	places    []place
	processes []*process // by place
	lines     chan line
	serverLog io.Writer
	log       []line // all that the servers have said
	swarm     *swarm
	began     time.Time

	killed   killing
	restarts []restart
	promises []promise
}

// killing is what a kill did.
type killing struct {
	number  uint16
	at      time.Time
	source  source
	noticed map[uint16]time.Duration // by node
}

// restart is what became of a server that was replaced.
type restart struct {
	number  uint16
	source  source
	at      time.Time // of SIGTERM
	gone    time.Duration
	leaving time.Time
	noticed map[uint16]time.Duration // from leaving on
}

func runDemo(ctx context.Context, args []string, stdout io.Writer) error {
	d := &demo{stdout: stdout, ctx: ctx, lines: make(chan line, 4096), serverLog: io.Discard}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.IntVar(&d.nodes, "nodes", 3, "how many servers")
	flags.IntVar(&d.bots, "bots", 300, "how many players")
	flags.DurationVar(&d.length, "for", 20*time.Second, "about how long, at least 10s")
	flags.Uint64Var(&d.seed, "seed", uint64(time.Now().UnixNano()), "of what the bots do, and of who is killed")
	slow := flags.Int("slow", 1, "how many times as long as on a machine with nothing else to do it may take, until something is noticed, or a player is back")
	logFile := flags.String("log", "", "`file` to write the servers' logs to")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	if *logFile != "" {
		file, err := os.Create(*logFile)
		if err != nil {
			return err
		}
		defer file.Close()
		d.serverLog = file
	}
	d.slow = time.Duration(*slow)
	if d.nodes < 2 || d.nodes > 20 || d.bots < 1 || d.bots > maxPlayers || *slow < 1 {
		return errors.New("-nodes is from 2 to 20, -bots from 1 to 5000, and -slow at least 1")
	}
	defer d.close()
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d.secrets = filepath.Join(dir, "secrets")
	if err := makeSecrets(d.secrets, []string{"127.0.0.1"}); err != nil {
		return err
	}
	if err := d.play(); err != nil {
		return err
	}
	return d.report()
}

// say prints what happens, when it does.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.stdout, "%6.2f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// play is the whole piece.
func (d *demo) play() error {
	d.began = time.Now()
	scene := max(d.length-8*time.Second, 2*time.Second) / 3
	for _, act := range []func() error{
		d.open,
		func() error { return d.wait(scene) },
		d.killOne,
		func() error { return d.wait(scene) },
		d.restartAll,
		func() error { return d.wait(scene) },
		d.settle,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	return d.endAll()
}

// open starts the servers and the bots.
func (d *demo) open() error {
	var addresses []string
	for i := range d.nodes {
		at, err := free.Addresses(3)
		if err != nil {
			return err
		}
		d.places = append(d.places, place{uint16(i + 1), at[0], at[1], at[2]})
		addresses = append(addresses, at[0])
	}
	d.processes = make([]*process, d.nodes)
	for i := range d.places {
		if err := d.start(i); err != nil {
			return err
		}
	}
	if err := d.until("the servers know each other", func() bool {
		return !slices.ContainsFunc(d.processes, func(p *process) bool { return !d.knowsAll(p) })
	}); err != nil {
		return err
	}
	d.swarm = newSwarm(d.bots, addresses, d.seed)
	if err := d.until("all bots play", d.allPlay); err != nil {
		return err
	}
	d.say("%d servers and %d bots, seed %d", d.nodes, d.bots, d.seed)
	return nil
}

func (d *demo) allPlay() bool { return d.swarm.playing() == d.bots }

// start starts a server in a place.
func (d *demo) start(i int) (err error) {
	var routes []string
	for _, p := range d.places {
		routes = append(routes, p.routes)
	}
	d.processes[i], err = startProcess(d.places[i], strings.Join(routes, ","), d.secrets, d.lines, d.serverLog)
	return err
}

// knowsAll reports whether a server is serving and has heard of all others.
func (d *demo) knowsAll(p *process) bool {
	peers, serving := make(map[uint16]bool), false
	for _, l := range d.log {
		switch {
		case l.process != p:
		case l.Message == "serving":
			serving = true
		case l.Message == "NodeJoined":
			peers[l.Peer] = true
		case l.Message == "NodeLeft":
			delete(peers, l.Peer)
		}
	}
	return serving && len(peers) == d.nodes-1
}

// killOne kills a server while its players play.
func (d *demo) killOne() error {
	i := rand.New(rand.NewPCG(d.seed, 0)).IntN(d.nodes)
	victim := d.processes[i]
	d.killed = killing{number: victim.number, source: d.sourceOf(victim), at: time.Now()}
	if err := victim.kill(); err != nil {
		return err
	}
	d.say("server %d is killed, with %d players", victim.number, d.playersOf(d.killed.source))
	err := d.until("the kill is noticed, all bots play, and none sees somebody of that server", func() bool {
		d.killed.noticed = d.noticed(d.killed.source, d.killed.at, victim)
		return len(d.killed.noticed) == d.nodes-1 && d.allPlay() && !d.swarm.hears(d.killed.source)
	})
	if err != nil {
		return err
	}
	d.say("all others have noticed, and its players play on")
	return d.replace(i)
}

// replace starts a server where one has ended, and waits until all know it.
func (d *demo) replace(i int) error {
	if err := d.start(i); err != nil {
		return err
	}
	return d.until("the new server knows the others, and they know it", func() bool {
		return !slices.ContainsFunc(d.processes, func(p *process) bool { return !d.knowsAll(p) })
	})
}

// noticed returns when the other servers that run have noticed that a run of one is over.
func (d *demo) noticed(of source, since time.Time, itself *process) map[uint16]time.Duration {
	after := make(map[uint16]time.Duration)
	for _, l := range d.log {
		if l.Message == "NodeLeft" && l.Peer == of.node && l.process != itself && l.at().After(since) {
			after[l.process.number] = l.at().Sub(since)
		}
	}
	return after
}

func (d *demo) sourceOf(p *process) source {
	for _, l := range d.log {
		if l.process == p && l.Message == "serving" {
			return source{p.number, l.Incarnation}
		}
	}
	return source{}
}

func (d *demo) playersOf(of source) (n int) {
	for _, b := range d.swarm.all {
		if b.node == of && b.conn != nil {
			n++
		}
	}
	return n
}

// restartAll replaces all servers one after the other, as an orchestrator does that has
// a new version of them.
func (d *demo) restartAll() error {
	for i, p := range d.processes {
		r := restart{number: p.number, source: d.sourceOf(p), at: time.Now()}
		d.say("server %d is to end (SIGTERM), with %d players", p.number, d.playersOf(r.source))
		p.end()
		if err := d.until("it has ended, the others know, all bots play, and none sees somebody of it", func() bool {
			r.leaving = d.leaving(p)
			r.noticed = d.noticed(r.source, r.at, p)
			return !r.leaving.IsZero() && len(r.noticed) == d.nodes-1 && len(p.exited) > 0 && d.allPlay() && !d.swarm.hears(r.source)
		}); err != nil {
			return err
		}
		r.gone = time.Since(r.at)
		for node, after := range r.noticed {
			r.noticed[node] = after - r.leaving.Sub(r.at)
		}
		if err := p.wait(d.ctx); err != nil {
			return err
		}
		d.restarts = append(d.restarts, r)
		if err := d.replace(i); err != nil {
			return err
		}
	}
	d.say("all servers have been replaced")
	return nil
}

// leaving returns when a server left, the zero time if it has not.
func (d *demo) leaving(p *process) time.Time {
	for _, l := range d.log {
		if l.process == p && l.Message == "leaving" {
			return l.Time
		}
	}
	return time.Time{}
}

// settle waits until all that is on its way has arrived.
func (d *demo) settle() error {
	d.swarm.quiet = true
	end := time.Now().Add(d.slow * 5 * time.Second)
	err := d.until("quiet", func() bool { return d.swarm.settled() || time.Now().After(end) })
	d.promise(d.swarm.settled(), "at the end each player sees exactly those who are in its zone, and has heard all that was said")
	return err
}

// endAll ends all servers. None has a player any more.
func (d *demo) endAll() error {
	d.swarm.close()
	for _, p := range d.processes {
		p.end()
	}
	var errs []error
	for _, p := range d.processes {
		errs = append(errs, p.wait(d.ctx))
	}
	return errors.Join(errs...)
}

// until runs the bots' loop until something is so.
func (d *demo) until(what string, so func() bool) error {
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for end := time.Now().Add(d.slow * patience); ; {
		if d.frame(); so() {
			return nil
		}
		if err := d.crashed(); err != nil {
			return err
		}
		select {
		case now := <-tick.C:
			if now.After(end) {
				return fmt.Errorf("not within %v: %s\n%s", d.slow*patience, what, d.lastWords())
			}
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
}

// crashed returns why a server has ended that was to run, if there is one.
func (d *demo) crashed() error {
	for _, p := range d.processes {
		if p != nil && !p.ending && len(p.exited) > 0 {
			return fmt.Errorf("server %d has ended: %s", p.number, p.stderr.String())
		}
	}
	return nil
}

func (d *demo) wait(length time.Duration) error {
	end := time.Now().Add(length)
	return d.until("time passes", func() bool { return time.Now().After(end) })
}

func (d *demo) frame() {
	for len(d.lines) > 0 {
		d.log = append(d.log, <-d.lines)
	}
	if d.swarm != nil {
		d.swarm.frame()
	}
}

// lastWords is what an error shows of the servers' logs.
func (d *demo) lastWords() string {
	var b strings.Builder
	for _, l := range d.log[max(len(d.log)-20, 0):] {
		fmt.Fprintln(&b, "server", l.process.number, l.Message, l.Peer, l.Reason, l.Error)
	}
	if d.swarm != nil {
		fmt.Fprintln(&b, d.swarm.playing(), "of", d.bots, "bots play")
	}
	return b.String()
}

// close ends what still runs.
func (d *demo) close() {
	if d.swarm != nil {
		d.swarm.close()
	}
	for _, p := range d.processes {
		if p != nil && len(p.exited) == 0 {
			_ = p.kill()
		}
	}
}
