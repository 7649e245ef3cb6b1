package queuednet

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A logBuffer is what a Logger has written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// lines returns what has been logged, each line as its attributes.
func (l *logBuffer) lines(t testing.TB) (all []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for decoder := json.NewDecoder(bytes.NewReader(l.b.Bytes())); decoder.More(); {
		line := make(map[string]any)
		require.NoError(t, decoder.Decode(&line))
		all = append(all, line)
	}
	return all
}

func (l *logBuffer) logger(level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

func TestEventsOfEachKind(t *testing.T) {
	for name, open := range socketKinds {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			e := newEnd(t, &Config{Logger: log.logger(slog.LevelDebug)})
			conn, peer := open(e)
			require.NoError(t, peer.Close())
			require.Same(t, conn, e.reset())
			require.NoError(t, e.manager.Close()) // waits for the log
			var opened, ended map[string]any
			for _, line := range log.lines(t) {
				switch {
				case line["kind"] != conn.kind(): // a rendezvous
				case line["reason"] == nil:
					opened = line
				default:
					ended = line
				}
			}
			require.NotNil(t, opened)
			require.NotNil(t, ended)
			addresses := []any{conn.Address().String()}
			if name != "TCP" && !answersAtOnce(conn.NetConn()) { // it may have told only after that
				addresses = append(addresses, NetAddress{}.String())
			}
			assert.Contains(t, addresses, opened["address"])
			assert.Contains(t, addresses, ended["address"])
			assert.Equal(t, "queuednet: connection opened", opened["msg"])
			assert.Equal(t, "DEBUG", opened["level"])
			assert.Equal(t, name == "TCP", opened["rendezvous"] != nil)
			assert.Equal(t, "queuednet: connection ended", ended["msg"])
			assert.Equal(t, conn.Err().Error(), ended["reason"])
			assert.Contains(t, ended, "age")
		})
	}
}

// What the program closes is an end too, and UDP and a rendezvous have theirs.
func TestEventsOfClosing(t *testing.T) {
	var log logBuffer
	e := newEnd(t, &Config{Logger: log.logger(slog.LevelDebug)})
	rendezvous, _ := e.listen()
	udp := e.udp("127.0.0.1:0")
	require.True(t, e.manager.CloseConnection(udp))
	require.True(t, e.manager.CloseConnection(rendezvous))
	require.NoError(t, e.manager.Close())
	var kinds []any
	for _, line := range log.lines(t) {
		if line["reason"] != nil {
			kinds = append(kinds, line["kind"])
			assert.Equal(t, net.ErrClosed.Error(), line["reason"])
		}
	}
	assert.Equal(t, []any{"udp", "rendezvous tcp"}, kinds)
}

// A level above Debug: nothing is logged, and little asked; when the level changes it
// is noticed.
func TestEventsOfALevelThatChanges(t *testing.T) {
	var (
		log   logBuffer
		level slog.LevelVar
		asked atomic.Int32
	)
	handler := askedHandler{log.logger(&level).Handler(), &asked}
	e := newEnd(t, &Config{Logger: slog.New(handler)})
	come := func() {
		_, peer := e.pipe()
		require.NoError(t, peer.Close())
		e.reset()
	}
	began := time.Now()
	for range 20 {
		come()
	}
	assert.LessOrEqual(t, asked.Load(), int32(3+time.Since(began)/noEvents))
	level.Set(slog.LevelDebug)
	eventually(t, "event", func() bool {
		come()
		return len(log.lines(t)) > 0
	})
}

type askedHandler struct {
	slog.Handler
	asked *atomic.Int32
}

func (h askedHandler) Enabled(ctx context.Context, level slog.Level) bool {
	h.asked.Add(1)
	return h.Handler.Enabled(ctx, level)
}

// A handler that waits, and one that calls the library, holds up nothing; what it does
// not keep up with is counted.
func TestEventsOfASlowHandler(t *testing.T) {
	slow := slowHandler{hold: make(chan struct{}), handled: new(atomic.Int32), lost: new(atomic.Int64)}
	e := newEnd(t, &Config{Logger: slog.New(slow)})
	const n = maxEvents
	for range n {
		near, far := net.Pipe()
		conn, err := e.manager.AdoptConnection(near)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		_, err = io.ReadAll(far)
		require.NoError(t, err)
	}
	close(slow.hold)
	eventually(t, "everything", func() bool { return int64(slow.handled.Load())+slow.lost.Load() == 2*n })
	assert.Positive(t, slow.lost.Load())
	assert.GreaterOrEqual(t, int(slow.handled.Load()), maxEvents)
}

type slowHandler struct {
	hold    chan struct{}
	handled *atomic.Int32
	lost    *atomic.Int64
}

func (slowHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h slowHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h slowHandler) WithGroup(string) slog.Handler          { return h }

func (h slowHandler) Handle(_ context.Context, r slog.Record) error {
	<-h.hold
	lost := false
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "count" {
			h.lost.Add(int64(a.Value.Any().(int64)))
			lost = true
		}
		return true
	})
	if !lost {
		h.handled.Add(1)
	}
	return nil
}
