package inspect_test

import (
	"context"
	"encoding/json"
	"expvar"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/inspect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = time.Minute // of everything that comes unless something is wrong

// a server that takes whatever clients it is given.
type server struct {
	*queuednet.QueuedConnectionManager
	t          *testing.T
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
	rendezvous *queuednet.Connection
	accepted   map[queuednet.NetAddress]*queuednet.Connection
}

func newServer(t *testing.T) *server {
	t.Helper()
	m := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { m.Close() })
	s := &server{m, t, queuednet.NewQueuedConnectionListener(m), queuednet.NewQueuedConnectionReader(m), nil, map[queuednet.NetAddress]*queuednet.Connection{}}
	rendezvous, err := m.OpenTCPServerRendezvous(0, 100)
	require.NoError(t, err)
	require.NoError(t, s.listener.AddConnection(rendezvous))
	s.rendezvous = rendezvous
	return s
}

// connect returns a client's connection and the server's end of it.
func (s *server) connect(clients *queuednet.QueuedConnectionManager) (client, accepted *queuednet.Connection) {
	s.t.Helper()
	client, err := clients.OpenTCPClientConnection("127.0.0.1", int(s.rendezvous.LocalAddress().Port()), patience)
	require.NoError(s.t, err)
	for s.accepted[client.LocalAddress()] == nil {
		s.wait()
		for conn := range s.listener.NewConnections() {
			s.accepted[conn.Address()] = conn
			require.NoError(s.t, s.reader.AddConnection(conn))
		}
	}
	return client, s.accepted[client.LocalAddress()]
}

// wait waits until there is something to take.
func (s *server) wait() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, s.WaitForReaders(ctx))
}

// ask answers a request to the page of the server, below /debug/queuednet/.
func (s *server) ask(method, below string) *http.Response {
	mux := http.NewServeMux()
	mux.Handle("/debug/queuednet/", inspect.Handler(s.QueuedConnectionManager))
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequest(method, "/debug/queuednet/"+below, nil))
	return recorder.Result()
}

func (s *server) report(below string) (r inspect.Report) {
	s.t.Helper()
	answer := s.ask("GET", below)
	require.Equal(s.t, http.StatusOK, answer.StatusCode)
	require.Equal(s.t, "application/json", answer.Header.Get("Content-Type"))
	require.NoError(s.t, json.NewDecoder(answer.Body).Decode(&r))
	return r
}

func newClients(t *testing.T) *queuednet.QueuedConnectionManager {
	t.Helper()
	m := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { m.Close() })
	return m
}

// The JSON says what the connections and the manager say.
func TestJSON(t *testing.T) {
	s, clients := newServer(t), newClients(t)
	client, accepted := s.connect(clients)
	udp, err := s.OpenUDPConnection(0)
	require.NoError(t, err)
	require.NoError(t, queuednet.NewConnectionWriter(clients).Send(queuednet.NewDatagram(make([]byte, 100)), client))
	for accepted.Stats().Received.Datagrams == 0 {
		s.wait()
	}

	r := s.report("stats.json?sort=oldest")
	assert.Len(t, s.report("?format=json").Connections, 2)
	assert.False(t, r.Closed)
	assert.WithinDuration(t, time.Now(), r.Time, patience)
	assert.Equal(t, s.Stats(), r.Manager)
	bounds := queuednet.DrainBounds()
	assert.Equal(t, bounds[:], r.DrainBounds)
	require.Len(t, r.Rendezvous, 1)
	assert.Equal(t, s.rendezvous.String(), r.Rendezvous[0].Name)
	require.Len(t, r.Connections, 2)
	assert.Equal(t, 2, r.Matching)
	requireStream(t, accepted, r.Connections[0])

	packets := r.Connections[1]
	assert.Equal(t, udp.String(), packets.Name)
	assert.Equal(t, &queuednet.UDPDrops{}, packets.UDPDrops)
	assert.Zero(t, packets.LastReceived)
	assert.Nil(t, packets.RoundTrip)

	client.Close()
	for accepted.Err() == nil {
		s.wait()
		for range s.reader.Datagrams() {
		}
		for range s.ResetConnections() {
		}
	}
	r = s.report("stats.json")
	assert.Equal(t, 1, r.Matching)
	assert.EqualValues(t, 1, r.Manager.Ends.ByPeer)
}

// requireStream asserts that a report of a stream that has received a datagram is true.
func requireStream(t *testing.T, accepted *queuednet.Connection, stream inspect.Connection) {
	t.Helper()
	assert.Equal(t, accepted.String(), stream.Name)
	assert.Equal(t, accepted.LocalAddress().String(), stream.Local)
	assert.Equal(t, queuednet.Traffic{Datagrams: 1, Bytes: 102}, stream.Stats.Received)
	assert.True(t, stream.LastReceived.Equal(accepted.LastReceived()))
	_, _, err := accepted.RoundTrip()
	assert.Equal(t, err == nil, stream.RoundTrip != nil)
	_, err = accepted.Unacknowledged()
	assert.Equal(t, err == nil, stream.Unacknowledged != nil)
	assert.Nil(t, stream.UDPDrops)
}

// An adopted socket has whatever name and address it has; a pipe has none.
func TestPipe(t *testing.T) {
	s := newServer(t)
	here, there := net.Pipe()
	defer there.Close()
	_, err := s.AdoptConnection(here)
	require.NoError(t, err)
	r := s.report("stats.json")
	require.Len(t, r.Connections, 1)
	assert.Equal(t, "pipe", r.Connections[0].Name)
	assert.Empty(t, r.Connections[0].Local)
}

// The order, the limit and the search choose which connections are listed.
func TestSortLimitFind(t *testing.T) {
	s, clients := newServer(t), newClients(t)
	writer := queuednet.NewConnectionWriter(clients)
	var names []string
	sizes := []int{10, 3000, 200} // of what waits to be taken
	for range sizes {
		_, accepted := s.connect(clients)
		names = append(names, accepted.String())
	}
	for client := range clients.Connections() {
		accepted := s.accepted[client.LocalAddress()]
		size := sizes[slices.Index(names, accepted.String())]
		require.NoError(t, writer.Send(queuednet.NewDatagram(make([]byte, size)), client))
		for accepted.Stats().Received.Datagrams == 0 {
			s.wait()
		}
	}
	listed := func(below string) (list []string) {
		for _, c := range s.report("stats.json" + below).Connections {
			list = append(list, c.Name)
		}
		return list
	}
	byMost := []string{names[1], names[2], names[0]}
	assert.Equal(t, byMost, listed(""))
	assert.Equal(t, byMost, listed("?sort=backlog"))
	assert.Equal(t, byMost, listed("?sort=traffic"))
	assert.Equal(t, names, listed("?sort=oldest"))
	assert.Equal(t, []string{names[2], names[1], names[0]}, listed("?sort=newest"))

	assert.Equal(t, byMost[:2], listed("?limit=2"))
	assert.Equal(t, byMost, listed("?limit=1000000"))
	r := s.report("stats.json?limit=0")
	assert.Equal(t, 3, r.Matching)
	assert.Equal(t, []inspect.Connection{}, r.Connections, "an empty array, not null")

	for range s.reader.Datagrams() { // now nothing waits
	}
	for range 20 {
		assert.Equal(t, names, listed(""), "those that are alike keep their places")
	}
	r = s.report("stats.json?find=" + url.QueryEscape(names[2]))
	assert.Equal(t, 1, r.Matching)
	require.Len(t, r.Connections, 1)
	assert.Equal(t, names[2], r.Connections[0].Name)
	assert.Zero(t, s.report("stats.json?find=nobody").Matching)
}

// A request that makes no sense is told so, and nothing but GET and HEAD does anything.
func TestBadRequests(t *testing.T) {
	s := newServer(t)
	for below, text := range map[string]string{
		"stats.json?limit=-1":                      "limit \"-1\": a number of connections, 0 or more\n",
		"stats.json?limit=x":                       "limit \"x\": a number of connections, 0 or more\n",
		"?format=json&sort=%3Cscript%3E":           "sort \"<script>\": backlog, traffic, newest or oldest\n",
		"?format=xml":                              "format \"xml\": html or json\n",
		"stats.json?limit=99999999999999999999999": "limit \"99999999999999999999999\": a number of connections, 0 or more\n",
	} {
		answer := s.ask("GET", below)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, answer.StatusCode, below)
		assert.Equal(t, text, string(body))
		assert.Equal(t, "text/plain; charset=utf-8", answer.Header.Get("Content-Type"))
		assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		for _, below := range []string{"", "stats.json"} {
			answer := s.ask(method, below)
			assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
			assert.Equal(t, "GET, HEAD", answer.Header.Get("Allow"))
		}
	}
	assert.Equal(t, http.StatusOK, s.ask("HEAD", "").StatusCode)
}

// The page asks for nothing from elsewhere, runs nothing but its own script, and has no
// way to make markup of a text.
func TestPage(t *testing.T) {
	answer := newServer(t).ask("GET", "")
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	assert.Regexp(t, `^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; `, answer.Header.Get("Content-Security-Policy"))
	assert.NotRegexp(t, `https?://|//[a-z]+\.`, string(body))
	assert.NotRegexp(t, regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(`), string(body))
}

// A manager that is closed, or none, is shown as such.
func TestClosed(t *testing.T) {
	s, clients := newServer(t), newClients(t)
	s.connect(clients)
	require.NoError(t, s.Close())
	r := s.report("stats.json")
	assert.True(t, r.Closed)
	assert.Equal(t, []inspect.Connection{}, r.Connections)
	assert.Equal(t, []inspect.Rendezvous{}, r.Rendezvous, "an empty array, not null")
	assert.EqualValues(t, 1, r.Manager.Opened)

	s.QueuedConnectionManager = nil
	assert.Zero(t, s.report("stats.json").Manager)
}

// The page may be looked at while connections come and go.
func TestConcurrent(t *testing.T) {
	s, clients := newServer(t), newClients(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			s.ask("GET", "stats.json?sort=traffic")
		}
	}()
	for range 50 {
		client, _ := s.connect(clients)
		client.Close()
	}
	<-done
}

// expvar takes what Var returns, and what it shows is ManagerStats.
func TestVar(t *testing.T) {
	s, clients := newServer(t), newClients(t)
	s.connect(clients)
	var published expvar.Var = inspect.Var(s.QueuedConnectionManager)
	var stats queuednet.ManagerStats
	require.NoError(t, json.Unmarshal([]byte(published.String()), &stats))
	assert.Equal(t, s.Stats(), stats)
	assert.Equal(t, 1, stats.Open)
}
