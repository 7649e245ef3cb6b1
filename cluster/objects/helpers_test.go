package objects

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// patience bounds each wait for something that is to happen: only a test that fails waits for so long.
const patience = 3 * time.Minute

const roleVariable = "QUEUEDNET_OBJECTS_ROUTES" // the name of the cluster, and routes

// clusterName is no other test's: a port that one of theirs has given up, and whose nodes still try to reach,
// may be one of ours now.
var clusterName = "test-" + rand.Text()

// TestMain makes a process of its own a node, if it is started as one.
func TestMain(m *testing.M) {
	if role, ok := os.LookupEnv(roleVariable); ok {
		fields := strings.Fields(role)
		clusterName = fields[0]
		runProcess(fields[1:])
		return
	}
	os.Exit(m.Run())
}

const testDC = `
keyword broadcast;
keyword ram;
keyword p2p;
keyword clsend;
dclass DistributedObject {
  setLocation(uint32 parentId = 0, uint32 zoneId = 0) broadcast ram;
};
dclass Thing : DistributedObject {
  setName(string name) required broadcast ram;
  say(string text) broadcast;
  ask(uint16 what) p2p;
  answer(string text);
  poke(uint8 n) clsend broadcast;
};
`

var testFile = func() *dc.File {
	file, err := dc.ParseSources(dc.Source{Name: "test.dc", Text: []byte(testDC)})
	if err != nil {
		panic(err)
	}
	return file
}()

// A server is a repository on a node.
type server struct {
	*distributed.ServerRepository
	node      *cluster.Node
	processes *Processes
	port      int
	events    []cluster.Event
}

// startServer starts a node with a repository. The test polls it. Unless at says so, nobody is taken for dead and
// no route is given up, however busy the machine is.
func startServer(at cluster.Config, config *distributed.ServerConfig, file *dc.File, settings Config) (*server, error) {
	at.Cluster, at.Listen, at.MaxAge, at.Heartbeat = clusterName, "127.0.0.1:0", patience, 200*time.Millisecond
	at.DeadAfter = cmp.Or(at.DeadAfter, patience)
	node, err := cluster.Open(&at)
	if err != nil {
		return nil, err
	}
	s := &server{node: node}
	settings.Event = func(e cluster.Event) { s.events = append(s.events, e) }
	if s.processes, err = New(node, &settings); err != nil {
		return nil, err
	}
	all := *config
	all.IDRange, all.Processes = s.processes.IDRange(), s.processes
	if s.ServerRepository, err = distributed.NewServerRepository(&all, file); err != nil {
		return nil, err
	}
	rendezvous, err := s.OpenTCPServerRendezvous(0, 0)
	if err != nil {
		return nil, err
	}
	s.port = rendezvous.LocalAddress().Port()
	return s, nil
}

// saw reports whether a node was heard of in this way.
func (s *server) saw(kind cluster.EventKind, number uint16) bool {
	for _, e := range s.events {
		if e.Kind == kind && e.Node == number {
			return true
		}
	}
	return false
}

// A world is some servers and their clients, all polled by the test's goroutine.
type world struct {
	t       *testing.T
	servers []*server
	routes  []string
	players []*player

	deadAfter time.Duration // 0: never
}

// deadSoon is for tests in which a node dies.
const deadSoon = 8 * time.Second

func newWorld(t *testing.T, count int) *world {
	w := &world{t: t}
	for i := range count {
		w.start(uint16(i + 1))
	}
	return w
}

// start starts a server and waits until it and those that are there know each other.
func (w *world) start(number uint16) *server {
	w.t.Helper()
	s, err := startServer(cluster.Config{Number: number, Routes: w.routes, DeadAfter: w.deadAfter}, &distributed.ServerConfig{}, testFile, Config{})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		s.node.Close()
		s.Close()
	})
	w.routes = append(w.routes, s.node.ListenAddress())
	for _, other := range w.servers {
		other.events = nil
	}
	w.servers = append(w.servers, s)
	w.until("the nodes know each other", func() bool {
		for _, other := range w.servers {
			if other != s && (!other.saw(cluster.NodeJoined, number) || !s.saw(cluster.NodeJoined, other.node.Number())) {
				return false
			}
		}
		return true
	})
	return s
}

// stop ends a server as a rolling restart does.
func (w *world) stop(s *server) {
	for i, other := range w.servers {
		if other == s {
			w.servers = append(w.servers[:i], w.servers[i+1:]...)
			break
		}
	}
	s.node.Leave()
	require.NoError(w.t, s.node.Close())
	s.Close()
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(200 * time.Microsecond) {
		require.True(w.t, time.Now().Before(deadline), "never so: %s", what)
		for _, s := range w.servers {
			s.Update()
		}
		for _, p := range w.players {
			p.Update()
			for e := range p.Events() {
				p.events = append(p.events, e.Kind)
			}
		}
	}
}

// A player is a client, which notes what happens to it.
type player struct {
	*distributed.ClientRepository
	w      *world
	calls  []string
	events []distributed.ClientEventKind
}

// A thing is an object of one.
type thing struct {
	distributed.DistributedObject
	p    *player
	name string
}

func (o *thing) note(format string, args ...any) {
	o.p.calls = append(o.p.calls, fmt.Sprintf("%d ", o.DoID())+fmt.Sprintf(format, args...))
}
func (o *thing) SetName(name string) { o.name = name; o.note("name %s", name) }
func (o *thing) GetName() string     { return o.name }
func (o *thing) Say(text string)     { o.note("say %s", text) }
func (o *thing) Ask(what uint16)     { o.note("ask %d from %d", what, o.p.AvatarIDFromSender()) }
func (o *thing) Answer(text string)  { o.note("answer %s", text) }
func (o *thing) Poke(n uint8)        { o.note("poke %d from %d", n, o.p.AvatarIDFromSender()) }
func (o *thing) Delete()             { o.note("delete") }

// connect connects a client to a server, and opens zones.
func (w *world) connect(s *server, zones ...uint32) *player {
	w.t.Helper()
	return w.connectPort(s.port, zones...)
}

func (w *world) connectPort(port int, zones ...uint32) *player {
	w.t.Helper()
	r, err := distributed.NewClientRepository(nil, testFile)
	require.NoError(w.t, err)
	p := &player{ClientRepository: r, w: w}
	require.NoError(w.t, r.Register("Thing", func() distributed.Object { return &thing{p: p} }))
	require.NoError(w.t, r.Register("DistributedObject", func() distributed.Object { return &distributed.DistributedObject{} }))
	require.NoError(w.t, r.Connect("127.0.0.1", port, patience))
	w.players = append(w.players, p)
	w.t.Cleanup(func() { r.Close() })
	w.until("ready", r.HaveCreateAuthority)
	if len(zones) > 0 {
		require.NoError(w.t, r.SetInterestZones(zones...))
	}
	return p
}

// create makes a thing in a zone.
func (p *player) create(zone uint32, name string) *thing {
	p.w.t.Helper()
	o := &thing{p: p, name: name}
	require.NoError(p.w.t, p.CreateDistributedObject(o, zone))
	return o
}

// hears waits until a call was noted.
func (p *player) hears(o uint32, call string, args ...any) {
	p.w.t.Helper()
	text := fmt.Sprintf("%d ", o) + fmt.Sprintf(call, args...)
	p.w.until(text, func() bool { return p.count(text) > 0 })
}

// count returns how often a call was noted.
func (p *player) count(text string) (n int) {
	for _, call := range p.calls {
		if call == text {
			n++
		}
	}
	return n
}

// A process is a node in a process of its own, with a client that has an object in zone 5.
type process struct {
	cmd  *exec.Cmd
	port int
	doID uint32
}

// startProcess starts this test's program as node 9.
func (w *world) startProcess() *process {
	w.t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+clusterName+" "+strings.Join(w.routes, " "))
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, p.cmd.Start())
	w.t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	ready := make(chan bool, 1)
	go func() {
		defer close(ready)
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		n, _ := fmt.Sscanf(line, "port %d object %d", &p.port, &p.doID)
		ready <- n == 2
	}()
	w.until("process is ready", func() bool {
		select {
		case ok := <-ready:
			require.True(w.t, ok, "the process did not start")
			return true
		default:
			return false
		}
	})
	return p
}

// runProcess is the process: it ends with its parent's patience.
func runProcess(routes []string) {
	s, err := startServer(cluster.Config{Number: 9, Routes: routes, DeadAfter: deadSoon}, &distributed.ServerConfig{}, testFile, Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	w := &world{t: &testing.T{}, servers: []*server{s}}
	client, err := distributed.NewClientRepository(nil, testFile)
	if err == nil {
		err = client.Connect("127.0.0.1", s.port, patience)
	}
	p := &player{ClientRepository: client, w: w}
	o := &thing{p: p, name: "of a process"}
	_ = client.Register("Thing", func() distributed.Object { return &thing{p: p} })
	for began, told := time.Now(), false; err == nil && time.Since(began) < 2*patience; time.Sleep(time.Millisecond) {
		s.Update()
		client.Update()
		if !told && client.HaveCreateAuthority() && s.saw(cluster.NodeJoined, 1) {
			told = true
			err = client.CreateDistributedObject(o, 5)
			fmt.Printf("port %d object %d\n", s.port, o.DoID())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func prefixed(id uint32, call string) string { return fmt.Sprintf("%d %s", id, call) }

func newDatagram(text string) *queuednet.Datagram { return queuednet.NewDatagram([]byte(text)) }
