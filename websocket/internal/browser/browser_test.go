//go:build !js

package browser

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
	"github.com/stretchr/testify/require"
)

const patience = 60 * time.Second // of everything that comes unless something is wrong

// closing bounds the close of a server whose pages answer.
const closing = 20 * time.Second

// chromium returns the path of a browser. Without one the test is skipped, and
// fails where CI is set.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium: install Debian's package chromium")
	}
	t.Skip("SKIPPED, nothing was tested in a browser: no Chromium in PATH (Debian's package is chromium)")
	return ""
}

// newBrowser starts a browser and returns the context of its first tab.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.WSURLReadTimeout(patience), // to start
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), 8*patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Run(ctx))
	return ctx
}

// newTab opens another tab. Its close function closes it as a player does.
func newTab(t *testing.T, browser context.Context, url string) (ctx context.Context, close func()) {
	t.Helper()
	ctx, close = chromedp.NewContext(browser)
	t.Cleanup(close)
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate(url)))
	return ctx, close
}

// run runs a line of JavaScript.
func run(t *testing.T, tab context.Context, line string) {
	t.Helper()
	require.NoError(t, chromedp.Run(tab, chromedp.Evaluate(line, nil)))
}

// await returns a variable of the page once it is there.
func await(t *testing.T, tab context.Context, variable string) (value string) {
	t.Helper()
	require.NoError(t, chromedp.Run(tab,
		chromedp.Poll("window."+variable+" !== undefined", nil, chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond)),
		chromedp.Evaluate("String(window."+variable+")", &value)))
	return value
}

// program is the client for the browser, built once.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "client.wasm")
	build := exec.Command("go", "build", "-o", path, "./client")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// a site serves the pages and the WebSockets of a manager.
type site struct {
	*queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	url      string // of the pages
	play     string // of the WebSockets
}

func newSite(t *testing.T, config *queuednet.Config) *site {
	t.Helper()
	m := queuednet.NewQueuedConnectionManager(config)
	s := &site{m, queuednet.NewQueuedConnectionListener(m), queuednet.NewQueuedConnectionReader(m), queuednet.NewConnectionWriter(m), "", ""}
	t.Cleanup(func() { m.Close() })
	server, err := websocket.NewServer(&websocket.ServerOptions{Config: config})
	require.NoError(t, err)
	rendezvous, err := m.AdoptRendezvous(server)
	require.NoError(t, err)
	require.NoError(t, s.listener.AddConnection(rendezvous))
	wasm, err := program()
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/play", server)
	mux.Handle("/", http.FileServer(http.Dir(".")))
	mux.HandleFunc("/client.wasm", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "client.wasm", time.Time{}, bytes.NewReader(wasm))
	})
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	glue := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
	mux.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, glue) })
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	s.url = h.URL
	s.play = "ws" + strings.TrimPrefix(h.URL, "http") + "/play"
	return s
}

// wait waits until something is queued.
func (s *site) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.WaitForReaders(ctx))
}

// accept returns the next connection, in the reader if it is to be read.
func (s *site) accept(t *testing.T, read bool) *queuednet.Connection {
	t.Helper()
	for {
		s.wait(t)
		if conn, ok := s.listener.GetNewConnection(); ok {
			if read {
				require.NoError(t, s.reader.AddConnection(conn))
			}
			return conn
		}
	}
}

// ended returns the next connection that has ended, and how many datagrams came
// before.
func (s *site) ended(t *testing.T) (conn *queuednet.Connection, datagrams int) {
	t.Helper()
	for {
		s.wait(t)
		for range s.reader.Datagrams() {
			datagrams++
		}
		if conn, ok := s.GetResetConnection(); ok {
			return conn, datagrams
		}
	}
}

// send sends a number and a string.
func (s *site) send(t *testing.T, conn *queuednet.Connection, number uint8, text string) {
	t.Helper()
	var d queuednet.Datagram
	d.AddUint8(number)
	d.AddString(text)
	require.NoError(t, s.writer.Send(&d, conn))
}
