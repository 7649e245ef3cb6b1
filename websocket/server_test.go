//go:build !js

package websocket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/coder/websocket"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Whoever is refused gets an HTTP status that says so.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		options ServerOptions
		header  http.Header
		proto   []string
		status  int
		text    string
	}{
		{"a page of the server's own", ServerOptions{}, http.Header{"Origin": {"http://game.test"}}, []string{Datagrams}, 101, ""},
		{"a page of another", ServerOptions{}, http.Header{"Origin": {"http://evil.test"}}, []string{Datagrams}, 403, "evil.test"},
		{"a page that is allowed", ServerOptions{Origins: []string{"*.test"}}, http.Header{"Origin": {"http://good.test"}}, []string{Datagrams}, 101, ""},
		{"another beside it", ServerOptions{Origins: []string{"https://good.test"}}, http.Header{"Origin": {"http://good.test"}}, []string{Datagrams}, 403, "good.test"},
		{"any page", ServerOptions{AnyOrigin: true}, http.Header{"Origin": {"http://evil.test"}}, []string{Datagrams}, 101, ""},
		{"both subprotocols", ServerOptions{}, nil, []string{"x", Stream, Datagrams}, 101, ""},
		{"no subprotocol", ServerOptions{}, nil, nil, 400, Datagrams},
		{"another subprotocol", ServerOptions{}, nil, []string{"chat"}, 400, Datagrams},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := NewServer(&test.options)
			require.NoError(t, err)
			h := httptest.NewServer(s)
			defer h.Close()
			defer s.Close()
			ws, response, err := websocket.Dial(t.Context(), h.URL, &websocket.DialOptions{Host: "game.test", HTTPHeader: test.header, Subprotocols: test.proto})
			require.NotNil(t, response, err)
			require.Equal(t, test.status, response.StatusCode)
			if test.status == 101 {
				defer ws.CloseNow()
				return
			}
			b := make([]byte, 1000)
			n, _ := response.Body.Read(b)
			require.Contains(t, string(b[:n]), test.text)
		})
	}
	response, err := http.Get(newSite(t, nil, false).http.URL)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusUpgradeRequired, response.StatusCode)
}

// What Dial is refused says why.
func TestDialErrors(t *testing.T) {
	s := newSite(t, nil, true)
	_, err := Dial(t.Context(), s.url, nil)
	require.ErrorContains(t, err, "certificate")
	_, err = Dial(t.Context(), s.url, &DialOptions{Transport: s.transport(), Header: http.Header{"Origin": {"http://evil.test"}}})
	require.ErrorContains(t, err, "403")
	require.ErrorContains(t, err, "evil.test")
	_, err = Dial(t.Context(), "game.test", nil)
	require.Error(t, err)
}

// Impossible options are refused.
func TestServerOptions(t *testing.T) {
	for _, options := range []ServerOptions{{Origins: []string{"["}}, {ProxyHeader: "Via"}, {Backlog: -1}} {
		_, err := NewServer(&options)
		require.Error(t, err)
	}
}

// One more than the backlog is refused, and what waits is closed with the server.
func TestBacklog(t *testing.T) {
	s, err := NewServer(&ServerOptions{Backlog: 1})
	require.NoError(t, err)
	h := httptest.NewServer(s)
	defer h.Close()
	url := "ws" + h.URL[len("http"):]
	first, err := Dial(t.Context(), url, nil)
	require.NoError(t, err)
	_, err = Dial(t.Context(), url, nil)
	require.ErrorContains(t, err, "503")
	far, err := s.Accept()
	require.NoError(t, err)
	second, err := Dial(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = second.Read(make([]byte, 1))
	requireStatus(t, err, 1001, "server closed")
	go far.Close()
	_, err = first.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	_, err = Dial(t.Context(), url, nil)
	require.ErrorContains(t, err, "503")
	_, err = s.Accept()
	require.Error(t, err)
	require.Error(t, s.Close())
}

// The client's address is the last that the trusted proxies vouch for.
func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		remote, header string
		lines          []string
		want           string
	}{
		{"192.0.2.1:5", forwardedFor, nil, "192.0.2.1:5"},
		{"192.0.2.1:5", forwardedFor, []string{"198.51.100.7"}, "192.0.2.1:5"}, // not trusted
		{"10.0.0.1:5", forwardedFor, nil, "10.0.0.1:5"},
		{"10.0.0.1:5", forwardedFor, []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"10.0.0.1:5", forwardedFor, []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7:0"}, // invented
		{"10.0.0.1:5", forwardedFor, []string{"10.9.9.9, 198.51.100.7 , 10.0.0.2"}, "198.51.100.7:0"},
		{"10.0.0.1:5", forwardedFor, []string{"1.1.1.1", "198.51.100.7", "10.0.0.2"}, "198.51.100.7:0"},
		{"10.0.0.1:5", forwardedFor, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"}, // inside
		{"10.0.0.1:5", forwardedFor, []string{"198.51.100.7, nonsense, 10.0.0.2"}, "10.0.0.2:0"},
		{"10.0.0.1:5", forwardedFor, []string{"198.51.100.7:4711"}, "198.51.100.7:4711"},
		{"10.0.0.1:5", forwardedFor, []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5", forwardedFor, []string{"[2001:db8::1]:7"}, "[2001:db8::1]:7"},
		{"10.0.0.1:5", forwardedFor, []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5", forwardedFor, []string{"[2001:db8::1"}, "10.0.0.1:5"},
		{"10.0.0.1:5", forwardedFor, []string{"::ffff:10.0.0.7"}, "10.0.0.7:0"},
		{"[::ffff:10.0.0.1]:5", forwardedFor, []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"[fd00::1%eth0]:5", forwardedFor, []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"10.0.0.1:5", forwardedFor, []string{","}, "10.0.0.1:5"},
		{"10.0.0.1:5", forwarded, []string{"for=198.51.100.7"}, "198.51.100.7:0"},
		{"10.0.0.1:5", forwarded, []string{`by=x;For="[2001:db8::1]:4711";proto=https`}, "[2001:db8::1]:4711"},
		{"10.0.0.1:5", forwarded, []string{`for=1.1.1.1, for="198.51.100.7:80"`, `for=10.0.0.2`}, "198.51.100.7:80"},
		{"10.0.0.1:5", forwarded, []string{`for=1.1.1.1;host="a,for=9.9.9.9;", for=10.0.0.2`}, "1.1.1.1:0"},
		{"10.0.0.1:5", forwarded, []string{"for=unknown"}, "10.0.0.1:5"},
		{"10.0.0.1:5", forwarded, []string{"for=_hidden, for=10.0.0.2"}, "10.0.0.2:0"},
		{"10.0.0.1:5", forwarded, []string{"proto=https"}, "10.0.0.1:5"},
		{"10.0.0.1:5", forwarded, []string{`for="`}, "10.0.0.1:5"},
		{"@", forwardedFor, []string{"198.51.100.7"}, "@"},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{test.header: test.lines}}
		// The other header is the client's own.
		for _, other := range []string{forwardedFor, forwarded} {
			if other != test.header {
				r.Header.Add(other, "for=6.6.6.6")
			}
		}
		require.Equal(t, test.want, clientAddr(r, trusted, test.header).String(), "%v", test)
	}
}

// The limits of a manager hold for clients behind a proxy, each for itself.
func TestLimitsBehindProxy(t *testing.T) {
	config := &queuednet.Config{MaxConnectionsPerAddress: 1}
	s := newSite(t, &ServerOptions{Config: config, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, false)
	client := newEnd(t, nil)
	from := func(ip string) *DialOptions {
		return &DialOptions{Header: http.Header{"X-Forwarded-For": {"203.0.113.9, " + ip}}}
	}
	_, far := s.dial(t, client, from("192.0.2.1"))
	require.Equal(t, "192.0.2.1:0", far.Address().String())
	require.Equal(t, s.rendezvous, far.Rendezvous())
	s.dial(t, client, from("192.0.2.2"))

	third, err := Dial(t.Context(), s.url, from("192.0.2.1"))
	require.NoError(t, err)
	_, err = third.Read(make([]byte, 1))
	requireStatus(t, err, 1008, "the connection was not let in")
	third.Close()
}
