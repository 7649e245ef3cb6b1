//go:build !js

package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/inspect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page of package inspect, at the sizes of a phone, a tablet and a screen, light and
// dark: it draws, fits, keeps to its own policy, and follows a manager. With -artifacts
// the test leaves pictures.
func TestInspect(t *testing.T) {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	stop := playSomething(t, manager, 30)
	defer stop()
	mux := http.NewServeMux()
	mux.Handle("/debug/queuednet/", inspect.Handler(manager))
	server := httptest.NewServer(mux)
	defer server.Close()

	browser := newBrowser(t)
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"tablet", 820, 1180}, {"screen", 1280, 900}} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(size.name+"/"+scheme, func(t *testing.T) {
				tab, close := chromedp.NewContext(browser)
				defer close()
				complaints := complaintsOf(tab)
				require.NoError(t, chromedp.Run(tab,
					chromedp.EmulateViewport(size.width, size.height),
					emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
					chromedp.Navigate(server.URL+"/debug/queuednet/"),
					// two samples: rates, and a line in the plot
					chromedp.Poll(`document.querySelector("#traffic .in:not(.area)")?.getAttribute("d")?.includes("L") && document.querySelectorAll("#rows tr").length === 30 &&
						document.querySelector("#state").textContent === "live"`,
						nil, chromedp.WithPollingTimeout(patience))))
				requireDrawn(t, tab, scheme)
				assert.Empty(t, complaints(), "the console")
			})
		}
	}
	t.Run("the manager goes", func(t *testing.T) {
		tab, _ := newTab(t, browser, server.URL+"/debug/queuednet/")
		require.NoError(t, chromedp.Run(tab, chromedp.Poll(`document.querySelector("#state").textContent === "live"`, nil, chromedp.WithPollingTimeout(patience))))
		stop()
		manager.Close()
		require.NoError(t, chromedp.Run(tab, chromedp.Poll(`document.querySelector("#state").textContent === "closed"`, nil, chromedp.WithPollingTimeout(patience))))
		server.Close()
		require.NoError(t, chromedp.Run(tab, chromedp.Poll(`document.querySelector("#state").textContent === "not reached"`, nil, chromedp.WithPollingTimeout(patience))))
	})
}

// requireDrawn asserts that the page shows rates in the colours of the scheme and fits, and
// leaves a picture of it.
func requireDrawn(t *testing.T, tab context.Context, scheme string) {
	t.Helper()
	var ground, rate string
	var overhang float64
	var picture []byte
	require.NoError(t, chromedp.Run(tab,
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &ground),
		chromedp.Evaluate(`document.querySelector("#rows td:nth-child(3)").textContent`, &rate),
		chromedp.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &overhang),
		chromedp.CaptureScreenshot(&picture)))
	assert.Equal(t, map[string]string{"light": "rgb(244, 246, 248)", "dark": "rgb(14, 19, 25)"}[scheme], ground)
	assert.Regexp(t, `^[\d.]+ k?B/s$`, rate)
	assert.Zero(t, overhang, "the page is wider than the window")
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), "inspect.png"), picture, 0o644))
}

// complaintsOf collects what the page says on the console, and its uncaught errors.
func complaintsOf(tab context.Context) func() []string {
	var mu sync.Mutex
	var all []string
	chromedp.ListenTarget(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *cdpruntime.EventConsoleAPICalled:
			for _, arg := range e.Args {
				all = append(all, string(arg.Value)+arg.Description)
			}
		case *cdpruntime.EventExceptionThrown:
			all = append(all, e.ExceptionDetails.Error())
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// playSomething lets clients of a server send and receive until stop.
func playSomething(t *testing.T, server *queuednet.QueuedConnectionManager, clients int) (stop func()) {
	t.Helper()
	listener, reader, writer := queuednet.NewQueuedConnectionListener(server), queuednet.NewQueuedConnectionReader(server), queuednet.NewConnectionWriter(server)
	rendezvous, err := server.OpenTCPServerRendezvous(0, 100)
	require.NoError(t, err)
	require.NoError(t, listener.AddConnection(rendezvous))
	manager := queuednet.NewQueuedConnectionManager(nil)
	theirs, to := queuednet.NewQueuedConnectionReader(manager), queuednet.NewConnectionWriter(manager)
	for range clients {
		conn, err := manager.OpenTCPClientConnection("127.0.0.1", int(rendezvous.LocalAddress().Port()), patience)
		require.NoError(t, err, strconv.Itoa(clients))
		require.NoError(t, theirs.AddConnection(conn))
	}
	input, snapshot := queuednet.NewDatagram(make([]byte, 30)), queuednet.NewDatagram(make([]byte, 300))
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() {
		for ctx.Err() == nil {
			to.Broadcast(input, manager.Connections())
			for conn := range listener.NewConnections() {
				reader.AddConnection(conn)
			}
			for range reader.Datagrams() {
			}
			writer.Broadcast(snapshot, server.Connections())
			for range theirs.Datagrams() {
			}
			time.Sleep(time.Second / 60)
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		loop.Wait()
		manager.Close()
	})
}
