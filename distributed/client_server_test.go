package distributed

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// A world is a server and Go clients of it, polled by one goroutine.
type world struct {
	t       *testing.T
	server  *ServerRepository
	port    int
	clients []*ClientRepository
	lost    map[*ClientRepository]error
	calls   *stage // where Things log
}

func newWorld(t *testing.T, config *ServerConfig) *world {
	server, err := NewServerRepository(config, testFile)
	require.NoError(t, err)
	rendezvous, err := server.OpenTCPServerRendezvous(0, 0)
	require.NoError(t, err)
	w := &world{
		t: t, server: server, port: rendezvous.LocalAddress().Port(),
		lost: make(map[*ClientRepository]error), calls: &stage{},
	}
	t.Cleanup(func() {
		for _, c := range w.clients {
			require.NoError(t, c.Close())
		}
		require.NoError(t, server.Close())
	})
	return w
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(100 * time.Microsecond) {
		require.True(w.t, time.Now().Before(deadline), "never so: %s", what)
		w.server.Update()
		for _, c := range w.clients {
			c.Update()
			for e := range c.Events() {
				require.NotContains(w.t, []ClientEventKind{MessageIgnored, MethodFailed}, e.Kind, "%v", e.Err)
				if e.Kind == ConnectionLost || e.Kind == ConnectFailed {
					w.lost[c] = errors.Join(w.lost[c], e.Err)
				}
			}
		}
	}
}

// client is a repository that knows Things and the clock, not yet connected.
func (w *world) client(clock func() Object) *ClientRepository {
	r, err := NewClientRepository(nil, testFile)
	require.NoError(w.t, err)
	require.NoError(w.t, r.Register("Thing", func() Object { return &goThing{stage: w.calls} }))
	require.NoError(w.t, r.Register("TimeManager", clock))
	w.clients = append(w.clients, r)
	return r
}

func (w *world) connect(r *ClientRepository) *ClientRepository {
	require.NoError(w.t, r.Connect("127.0.0.1", w.port, patience))
	require.ErrorIs(w.t, r.Connect("127.0.0.1", w.port, patience), ErrConnected)
	w.until("ready", r.HaveCreateAuthority)
	return r
}

// A Go AI, in the server's process and outside it, and Go clients play a game: a clock,
// objects that appear, speak, answer, move and go.
func TestGoGame(t *testing.T) {
	for name, connect := range map[string]func(w *world, r *ClientRepository){
		"over TCP": func(w *world, r *ClientRepository) { w.connect(r) },
		"local": func(w *world, r *ClientRepository) {
			require.NoError(w.t, r.ConnectLocal(w.server))
			w.until("ready", r.HaveCreateAuthority)
		},
		"over a pipe": func(w *world, r *ClientRepository) {
			one, other := net.Pipe()
			require.NoError(w.t, w.server.AdoptConnection(one))
			require.NoError(w.t, r.AdoptConnection(other))
			w.until("ready", r.HaveCreateAuthority)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			ai, client := w.client(NewTimeManagerAI), w.client(NewTimeManager)
			connect(w, ai)
			connect(w, client)
			w.playGame(ai, client)
		})
	}
}

func (w *world) playGame(ai, client *ClientRepository) {
	t := w.t
	clock, npc := &TimeManagerAI{}, &goThing{stage: &stage{}, hp: 7}
	require.NoError(t, ai.CreateDistributedObject(clock, 1))
	require.NoError(t, ai.CreateDistributedObject(npc, 2, "setHp"))
	require.NoError(t, client.SetInterestZones(1, 2))
	w.until("the clock is known", func() bool {
		m, ok := client.Object(clock.DoID()).(*TimeManager)
		return ok && m.Synchronized()
	})
	var seen *goThing
	w.until("the npc is seen", func() bool {
		seen, _ = client.Object(npc.DoID()).(*goThing)
		return seen != nil
	})
	require.EqualValues(t, 7, seen.hp)
	require.NoError(t, seen.SendUpdate("ask", 5))
	w.until("asked", func() bool { return len(npc.stage.calls) > 0 && npc.stage.calls[len(npc.stage.calls)-1] == "ask 5" })
	require.NoError(t, npc.SendUpdateTo(client.DoIDBase(), "answer", 5, "five"))
	require.NoError(t, npc.SendUpdate("say", "hi"))
	w.until("answered", func() bool { return len(w.calls.calls) > 1 && w.calls.calls[len(w.calls.calls)-2] == "answer 5 five" })
	require.NoError(t, ai.SetObjectZone(npc, 3))
	w.until("out of sight", func() bool { return client.Object(npc.DoID()) == nil })
	require.NoError(t, client.SetInterestZones(3))
	w.until("followed", func() bool { return client.Object(npc.DoID()) != nil && client.Object(clock.DoID()) == nil })
	require.NoError(t, ai.SendDelete(npc))
	w.until("deleted", func() bool { return client.Object(npc.DoID()) == nil && npc.Repository() == nil })
	mine := &goThing{stage: &stage{}}
	require.NoError(t, client.CreateDistributedObject(mine, 3))
	require.NoError(t, ai.SetInterestZones(3))
	w.until("seen by the ai", func() bool { return ai.Object(mine.DoID()) != nil })
	id := mine.DoID()
	client.Disconnect()
	require.Nil(t, mine.Repository())
	w.until("gone", func() bool { return ai.Object(id) == nil && w.server.Stats().Clients == 1 })
	require.Empty(t, w.lost)
	require.ErrorIs(t, client.SetInterestZones(1), ErrNotConnected)
}

var _ = addRows(map[string]func(t *testing.T){
	"C26": func(t *testing.T) {
		for name, last := range map[string]string{"between datagrams": "", "inside a datagram": "\x0a\x00\x01"} {
			s := newStage(t, true)
			s.ClientRepository.link = nil
			one, other := net.Pipe()
			require.NoError(t, s.AdoptConnection(other))
			sent := make(chan error, 1)
			go func() {
				_, err := one.Write(append(frame(appendSetDoIDRange(nil, 100, 3),
					appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, named)), last...))
				sent <- errors.Join(err, one.Close())
			}()
			var ends []error
			for deadline := time.Now().Add(patience); len(ends) == 0 && time.Now().Before(deadline); time.Sleep(100 * time.Microsecond) {
				s.Update()
				for e := range s.Events() {
					if e.Kind == ConnectionLost {
						ends = append(ends, e.Err)
					}
				}
			}
			require.NoError(t, <-sent)
			require.Len(t, ends, 1, name)
			s.called("generateInit", "generate 2", "setLocation 0 5", "setName noname", "announceGenerate",
				"disable", "setLocation 0 0", "delete")
			require.ErrorIs(t, s.SetInterestZones(1), ErrNotConnected)
			require.False(t, s.HaveCreateAuthority())
			s.Update()
			s.reports(0, ConnectionLost)
			require.NoError(t, s.Close())
		}
	},
	"C27": func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		r, err := NewClientRepository(&ClientConfig{Net: &queuednet.Config{}}, testFile)
		require.NoError(t, err)
		require.NoError(t, r.Connect("127.0.0.1", listener.Addr().(*net.TCPAddr).Port, patience))
		server, err := listener.Accept()
		require.NoError(t, err)
		defer server.Close()
		for r.link == nil {
			r.Update()
			time.Sleep(100 * time.Microsecond)
		}
		require.NoError(t, r.SetInterestZones(7))
		r.Disconnect()
		require.NoError(t, server.SetDeadline(time.Now().Add(patience)))
		all, err := io.ReadAll(server)
		require.NoError(t, err)
		require.Equal(t, frame(interest(7), unhex("3023")), all)
		server.Close()
		require.NoError(t, r.Close())
	},
})

func TestConnectFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := w.client(NewTimeManager)
	require.NoError(t, r.Connect("", 0, time.Second))
	w.until("failed", func() bool { return w.lost[r] != nil })
	w.connect(r) // and then it may connect somewhere else
}
