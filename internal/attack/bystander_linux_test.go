package attack

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A bystander asks the server something every few milliseconds, and measures
// how long the answers take: up to a frame, because the server looks once a
// frame, and what the network and the library need.
type bystander struct {
	t          *testing.T
	conn       net.Conn
	headerSize int
	done       chan struct{}
	asking     sync.WaitGroup
	listening  sync.WaitGroup

	mu      sync.Mutex
	samples []sample
	errors  []error
}

type sample struct {
	sent  time.Time
	trip  time.Duration
	known bool // it has been answered
}

func newBystander(t *testing.T, address string, headerSize int) *bystander {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	b := &bystander{t: t, conn: conn, headerSize: headerSize, done: make(chan struct{})}
	b.asking.Go(b.ask)
	b.listening.Go(b.listen)
	return b
}

func (b *bystander) ask() {
	message := make([]byte, b.headerSize+4)
	message[0] = 4
	for i := uint32(0); ; i++ {
		select {
		case <-b.done:
			return
		case <-time.After(3*time.Millisecond + time.Duration(i%5)*500*time.Microsecond): // not in step with the frames
		}
		binary.LittleEndian.PutUint32(message[b.headerSize:], i)
		b.mu.Lock()
		b.samples = append(b.samples, sample{sent: time.Now()})
		b.mu.Unlock()
		if _, err := b.conn.Write(message); err != nil {
			b.failed(err)
			return
		}
	}
}

func (b *bystander) listen() {
	message := make([]byte, b.headerSize+4)
	for i := 0; ; i++ {
		if _, err := io.ReadFull(b.conn, message); errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			b.failed(err)
			return
		}
		now := time.Now()
		b.mu.Lock()
		if n := binary.LittleEndian.Uint32(message[b.headerSize:]); int(n) != i {
			b.errors = append(b.errors, io.ErrNoProgress)
		}
		b.samples[i].trip, b.samples[i].known = now.Sub(b.samples[i].sent), true
		b.mu.Unlock()
	}
}

func (b *bystander) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = append(b.errors, err)
}

// leave waits for the last answers. Each question must have been answered.
func (b *bystander) leave() {
	close(b.done)
	b.asking.Wait()
	unanswered := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.errors) == 0 && slices.ContainsFunc(b.samples, func(s sample) bool { return !s.known })
	}
	for end := time.Now().Add(time.Minute); unanswered() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	b.conn.Close()
	b.listening.Wait()
	require.Empty(b.t, b.errors, "errors of the bystander")
	for _, s := range b.samples {
		assert.True(b.t, s.known, "a question of the bystander has not been answered")
	}
}

// p99 is that of the questions asked in some time, those apart whose answer the
// program's own stops have kept waiting.
func (b *bystander) p99(from, to time.Time, stops []stop) time.Duration {
	var trips []time.Duration
	for _, s := range b.samples {
		if s.sent.Before(from) || s.sent.After(to) || duringAny(stops, s) {
			continue
		}
		trips = append(trips, s.trip)
	}
	if len(trips) == 0 && !measured() {
		return 0 // the attack is too short
	}
	require.NotEmpty(b.t, trips, "the bystander has measured nothing")
	return percentile(trips, 0.99)
}

func duringAny(stops []stop, s sample) bool {
	for _, stop := range stops {
		if s.sent.Before(stop.To) && s.sent.Add(s.trip).After(stop.From) {
			return true
		}
	}
	return false
}
