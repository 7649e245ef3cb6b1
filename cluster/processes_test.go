package cluster

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nodes as processes of their own: this test binary, started again with a role. A process
// publishes numbered messages to one group, hears those of the others, prints its events
// and obeys the lines that it is sent.

type order struct {
	Server string // address: the process is a NATS server instead
	Config settings
	Rate   int // messages a second
	Size   int
	Bots   int      // over 0: TestSoak
	Ledger string   // of TestSoak: the file that says how much was sent
	Prefix []string // of the command, such as nsenter
}

// settings are a Config without what JSON cannot hold.
type settings struct {
	Config
	TLS, Logger *struct{} `json:",omitempty"`
}

// report is a line that a process prints.
type report struct {
	Event string `json:",omitempty"`
	Node  uint16 `json:",omitempty"`
	Err   string `json:",omitempty"`
	Sums  *sums  `json:",omitempty"`
	At    time.Time
}

type sums struct {
	Sent     uint64
	Received map[uint16]uint64
	Missed   map[uint16]uint64
	Pause    map[uint16]time.Duration // the longest between two messages of a node
	Oldest   time.Duration            // the longest that a message was under way
	Worst    time.Duration            // the longest call of Broadcast
	Stats    Stats

	Delivered uint64 // to players, by the server's count
	Heard     uint64 // by bots
}

func runRole(role string) int {
	var o order
	if err := json.Unmarshal([]byte(role), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if o.Server != "" {
		return serve(o.Server)
	}
	n, err := Open(&o.Config.Config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	w := &worker{Node: n, order: o, out: json.NewEncoder(os.Stdout), last: make(map[uint16]time.Time)}
	w.sums = sums{Received: make(map[uint16]uint64), Missed: make(map[uint16]uint64), Pause: make(map[uint16]time.Duration)}
	frame := func() { w.frame(n.Group("world")) }
	if o.Bots > 0 {
		world, err := newWorld(w)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		frame = world.frame
	}
	w.run(frame)
	return 0
}

// serve is a NATS server, until it is told something.
func serve(address string) int {
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port)
	if number == 0 {
		number = -1
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: number, NoSigs: true, NoLog: true})
	if err != nil {
		return 2
	}
	s.Start()
	s.ReadyForConnections(patience)
	json.NewEncoder(os.Stdout).Encode(report{Event: "Open " + s.Addr().String()})
	io.Copy(io.Discard, os.Stdin)
	return 0
}

type worker struct {
	*Node
	order
	out     *json.Encoder
	sums    sums
	last    map[uint16]time.Time
	sending bool
}

func (w *worker) run(frame func()) {
	w.Group("world").Watch()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	w.report(report{Event: "Open " + w.ListenAddress()})
	ticker := time.NewTicker(time.Second / 60)
	for {
		select {
		case line, ok := <-lines:
			if !ok || w.obey(line) {
				return
			}
		case <-ticker.C:
			frame()
		}
	}
}

// obey reports whether it was the last order.
func (w *worker) obey(line string) bool {
	switch line {
	case "go":
		w.sending = true
	case "stop":
		w.sending = false
	case "sums":
		w.sums.Stats = w.Stats()
		w.report(report{Sums: &w.sums})
	case "close":
		w.Close()
		w.report(report{Event: "Closed"})
		return true
	}
	return false
}

func (w *worker) report(r report) {
	r.At = time.Now()
	w.out.Encode(r)
}

func (w *worker) frame(group *Group) {
	now := time.Now()
	for m := range w.Messages() {
		if last, ok := w.last[m.From()]; ok && now.Sub(last) > w.sums.Pause[m.From()] {
			w.sums.Pause[m.From()] = now.Sub(last)
		}
		w.last[m.From()] = now
		w.sums.Received[m.From()]++
		sent := time.Unix(0, int64(binary.LittleEndian.Uint64(m.Payload())))
		w.sums.Oldest = max(w.sums.Oldest, now.Sub(sent))
	}
	w.tellEvents()
	if !w.sending {
		return
	}
	payload := make([]byte, max(w.Size, 8))
	for range w.Rate / 60 {
		binary.LittleEndian.PutUint64(payload, uint64(time.Now().UnixNano()))
		d := queuednet.NewDatagram(payload)
		began := time.Now()
		err := group.Broadcast(nil, d)
		w.sums.Worst = max(w.sums.Worst, time.Since(began))
		if err == nil {
			w.sums.Sent++
		}
	}
}

func (w *worker) tellEvents() {
	for e := range w.Events() {
		if e.Kind == CountChanged {
			continue
		}
		if e.Kind == Gap {
			w.sums.Missed[e.Node] += e.Missed
			continue
		}
		r := report{Event: e.Kind.String(), Node: e.Node}
		if e.Err != nil {
			r.Err = e.Err.Error()
		}
		w.report(r)
	}
}

// process is a node as a process.
type process struct {
	t      testing.TB
	number uint16
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan report
	events []report
	addr   string
}

// start starts a process and waits until its node is open.
func start(t testing.TB, o order) *process {
	t.Helper()
	if o.Config.Listen != "" {
		o.Config.Cluster = cmp.Or(o.Config.Cluster, clusterName)
	}
	role, err := json.Marshal(o)
	require.NoError(t, err)
	args := append(append([]string(nil), o.Prefix...), os.Args[0], "-test.run=^$")
	p := &process{t: t, number: o.Config.Number, cmd: exec.Command(args[0], args[1:]...), lines: make(chan report, 10_000)}
	p.cmd.Env = append(os.Environ(), "QUEUEDNET_CLUSTER_ROLE="+string(role))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.lines)
		for decoder := json.NewDecoder(out); ; {
			var r report
			if decoder.Decode(&r) != nil {
				return
			}
			p.lines <- r
		}
	}()
	t.Cleanup(p.kill)
	p.addr = strings.TrimPrefix(p.await("Open ", 0).Event, "Open ")
	return p
}

func (p *process) kill() {
	p.goOn()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) tell(line string) {
	p.t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(p.t, err)
}

// await waits for an event that begins so about a node.
func (p *process) await(event string, node uint16) report {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case r, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("node %d has ended; waited for %s of %d", p.number, event, node)
			}
			p.events = append(p.events, r)
			if r.Node == node && strings.HasPrefix(r.Event, event) {
				return r
			}
		case <-timeout:
			p.t.Fatalf("node %d waits in vain: %s of %d; %+v", p.number, event, node, p.events)
		}
	}
}

// ask returns the sums.
func (p *process) ask() sums {
	p.t.Helper()
	p.tell("sums")
	for r := range p.lines {
		p.events = append(p.events, r)
		if r.Sums != nil {
			return *r.Sums
		}
	}
	p.t.Fatalf("node %d has ended", p.number)
	return sums{}
}

// about lists the events about a node since the start.
func (p *process) about(node uint16) (kinds []string) {
	for _, r := range p.events {
		if r.Node == node && r.Event != "" && r.Node != 0 {
			kinds = append(kinds, r.Event)
		}
	}
	return kinds
}

// told lists the events that begin so.
func (p *process) told(event string) (all []report) {
	for _, r := range p.events {
		if strings.HasPrefix(r.Event, event) {
			all = append(all, r)
		}
	}
	return all
}

// processes starts nodes 1 to count that know each other and send.
func processes(t testing.TB, count, rate int, config Config) (all []*process) {
	t.Helper()
	for i := range count {
		c := config
		c.Number, c.Listen = uint16(i+1), "127.0.0.1:0"
		for _, p := range all {
			c.Routes = append(c.Routes, p.addr)
		}
		all = append(all, start(t, order{Config: settings{Config: c}, Rate: rate, Size: 256}))
	}
	for _, p := range all {
		for _, other := range all {
			if p != other && !assert.ObjectsAreEqual([]string{"NodeJoined"}, p.about(other.number)) {
				p.await("NodeJoined", other.number)
			}
		}
	}
	time.Sleep(100 * time.Millisecond) // interest in the group, which was there first, travels
	for _, p := range all {
		p.tell("go")
	}
	return all
}

// balance stops those that send and checks that each message was received or is counted as
// missing.
func balance(t testing.TB, all ...*process) map[uint16]sums {
	t.Helper()
	for _, p := range all {
		p.tell("stop")
	}
	result := make(map[uint16]sums)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		open := ""
		for _, p := range all {
			result[p.number] = p.ask()
		}
		for _, p := range all {
			for _, other := range all {
				sent, s := result[p.number].Sent, result[other.number]
				if got := s.Received[p.number] + s.Missed[p.number]; p != other && got != sent {
					open += fmt.Sprintf("of %d from %d node %d has %d and misses %d\n", sent, p.number, other.number,
						s.Received[p.number], s.Missed[p.number])
				}
			}
		}
		if open == "" {
			return result
		}
		if time.Now().After(end) {
			t.Fatal(open)
		}
	}
}
