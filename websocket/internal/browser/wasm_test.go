//go:build !js

package browser

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
	"github.com/stretchr/testify/require"
)

// start runs the client of the library in a tab.
func start(t *testing.T, s *site, browser context.Context, what string) (tab context.Context, closeTab func()) {
	t.Helper()
	tab, closeTab = newTab(t, browser, s.url+"/wasm.html")
	await(t, tab, "ready")
	run(t, tab, fmt.Sprintf("start(%q, %q)", s.play, what))
	return tab, closeTab
}

var wasmConfig = &queuednet.Config{CloseTimeout: closing}

// The client of the library in a browser: the same promises as elsewhere.
func TestWasm(t *testing.T) {
	browser := newBrowser(t)
	t.Run("datagrams, and a kick", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "echo")
		conn := s.accept(t, true)
		const count = 300
		for i := range count {
			var d queuednet.Datagram
			d.AddUint32(uint32(i))
			d.AppendData(make([]byte, 7*i%50_000))
			require.NoError(t, s.writer.Send(&d, conn))
		}
		for i := 0; i < count; {
			s.wait(t)
			for d := range s.reader.Datagrams() {
				it := d.Iterator()
				require.EqualValues(t, i, it.GetUint32())
				require.Equal(t, 4+7*i%50_000, len(d.Message()))
				i++
			}
		}
		require.True(t, s.CloseConnection(conn))
		require.Equal(t, "300 datagrams, EOF", await(t, tab, "outcome"))
	})
	t.Run("the client closes", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "kick")
		s.accept(t, true)
		conn, datagrams := s.ended(t)
		require.EqualError(t, conn.Err(), "EOF")
		require.Equal(t, 1, datagrams)
		require.Equal(t, "closed", await(t, tab, "outcome"))
	})
	t.Run("a tab is closed", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		_, closeTab := start(t, s, browser, "echo")
		s.accept(t, true)
		closeTab()
		conn, _ := s.ended(t)
		requireStatus(t, conn.Err(), 1001, "")
	})
}

func TestWasmWhenTheServerCloses(t *testing.T) {
	browser := newBrowser(t)
	t.Run("the server goes down", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "echo")
		s.send(t, s.accept(t, true), 1, "last")
		require.NoError(t, s.Close())
		require.Equal(t, `1 datagrams, status 1001 "server closed"`, await(t, tab, "outcome"))
	})
	t.Run("a limit of the server", func(t *testing.T) {
		s := newSite(t, &queuednet.Config{FirstDatagramTimeout: 3 * time.Second})
		tab, _ := start(t, s, browser, "echo")
		s.accept(t, true)
		require.Equal(t, `0 datagrams, status 1008 "no first datagram"`, await(t, tab, "outcome"))
	})
}

func TestWasmTakesAndSendsWithinBounds(t *testing.T) {
	browser := newBrowser(t)
	t.Run("a datagram too long for the client", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "echo")
		var d queuednet.Datagram
		d.AppendData(make([]byte, 50_001))
		require.NoError(t, s.writer.Send(&d, s.accept(t, true)))
		require.Equal(t, "0 datagrams, too long: 50001/50000", await(t, tab, "outcome"))
		conn, _ := s.ended(t)
		requireStatus(t, conn.Err(), 4009, "datagram longer than 50000 bytes")
	})
	t.Run("the send queue is bounded", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "flood")
		s.accept(t, false) // and nobody reads it
		require.Equal(t, queuednet.ErrSendQueueFull.Error(), await(t, tab, "outcome"))
	})
	t.Run("a hidden tab", func(t *testing.T) {
		s := newSite(t, wasmConfig)
		tab, _ := start(t, s, browser, "hidden")
		conn := s.accept(t, true)
		var d queuednet.Datagram
		d.AppendData(make([]byte, 10_000))
		sent := 0
		for deadline := time.Now().Add(patience); conn.Err() == nil; time.Sleep(time.Millisecond) {
			require.True(t, time.Now().Before(deadline))
			if conn.Stats().SendQueueBytes < 1<<20 && s.writer.Send(&d, conn) == nil { // the page may be slow
				sent++
			}
		}
		ended, _ := s.ended(t)
		requireStatus(t, ended.Err(), 4011, "too much has come that is not taken")
		run(t, tab, "visible = true")
		outcome := await(t, tab, "outcome")
		require.Contains(t, outcome, websocket.ErrUnread.Error())
		t.Log(sent, "sent;", outcome)
	})
}
