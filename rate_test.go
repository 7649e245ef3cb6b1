package queuednet

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBucket(t *testing.T) {
	const burst = time.Second
	now := time.Now()
	var b bucket
	cost := costOf(1, 5)
	assert.Equal(t, 200*time.Millisecond, cost)
	for range 5 {
		assert.Zero(t, b.wait(now, cost, burst))
		b.spend(now, cost)
	}
	assert.Equal(t, cost, b.wait(now, cost, burst))
	assert.Equal(t, time.Nanosecond, b.wait(now.Add(cost-1), cost, burst))
	assert.Zero(t, b.wait(now.Add(cost), cost, burst))
	assert.Equal(t, time.Second, b.wait(now, 2*burst, burst), "what is more than a burst waits until all is paid for")
	assert.Zero(t, b.wait(now.Add(time.Second), 2*burst, burst))

	b.spend(now.Add(time.Hour), cost)
	assert.Equal(t, now.Add(time.Hour+cost), b.until, "no more than a burst is saved up")
	assert.Equal(t, time.Second, costOf(1<<31-1, 1<<31-1))
}

// texts returns n datagrams of size bytes, headers included, that are numbered.
func texts(n, size int) (payloads []string) {
	for i := range n {
		payloads = append(payloads, fmt.Sprintf("%0*d", size-2, i))
	}
	return payloads
}

// eachRate runs a test in a bubble for each rate, of 10 datagrams of 20 bytes a second.
func eachRate(t *testing.T, test func(t *testing.T, config Config)) {
	for name, config := range map[string]Config{
		"datagrams": {MaxDatagramsPerSecond: 10},
		"bytes":     {MaxBytesPerSecond: 200},
		"both":      {MaxDatagramsPerSecond: 10, MaxBytesPerSecond: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, config) })
		})
	}
}

func TestUnderTheRate(t *testing.T) {
	eachRate(t, func(t *testing.T, config Config) {
		e := newEnd(t, &config)
		conn, far := e.pipe()
		for _, payload := range texts(100, 20) {
			write(t, far, framed(2, payload))
			start := time.Now()
			assert.Equal(t, payload, string(e.next().Message()))
			since(t, start, 0)
			time.Sleep(time.Second / 10)
		}
		e.requireLives(conn)
	})
}

func TestOverTheRate(t *testing.T) {
	eachRate(t, func(t *testing.T, config Config) {
		e := newEnd(t, &config)
		conn, far := e.pipe()
		sent := texts(1000, 20)
		go func() {
			defer far.Close()
			for _, payload := range sent {
				io.WriteString(far, framed(2, payload))
			}
		}()
		start := time.Now()
		var got []string
		for len(got) < len(sent) {
			synctest.Wait()
			got = append(got, e.drain()...)
			seconds := time.Since(start).Seconds()
			require.LessOrEqual(t, float64(len(got)), 10+10*seconds+1e-6)
			require.GreaterOrEqual(t, float64(len(got)), min(1000, 10+10*seconds-1.5))
			time.Sleep(10 * time.Millisecond)
		}
		assert.Equal(t, sent, got, "nothing is lost")
		assert.Same(t, conn, e.reset())
		assert.Equal(t, io.EOF, conn.Err())
		assert.Equal(t, Refusals{Slowed: 1}, e.manager.Refusals())
	})
}

func TestOverTheRateAndItEnds(t *testing.T) {
	eachRate(t, func(t *testing.T, config Config) {
		config.EndFloods = true
		e := newEnd(t, &config)
		conn, far := e.pipe()
		quiet, other := e.pipe()
		sent := texts(11, 20)
		write(t, far, framed(2, sent[:10]...))
		e.requireLives(conn)
		write(t, far, framed(2, sent[10:]...))
		synctest.Wait()
		assert.Equal(t, sent[:10], e.drain(), "what came within the rate")
		assert.Same(t, conn, e.reset())
		assert.Equal(t, ErrFlooding, conn.Err())
		assert.Equal(t, Refusals{Flooding: 1}, e.manager.Refusals())
		write(t, other, framed(2, "I am another one"))
		assert.Equal(t, "I am another one", string(e.next().Message()))
		assert.NoError(t, quiet.Err())
	})
}

func TestTheRateBeginsAnewAfterARest(t *testing.T) {
	eachRate(t, func(t *testing.T, config Config) {
		e := newEnd(t, &config)
		_, far := e.pipe()
		for i := range 3 {
			sent := texts(11, 20)
			write(t, far, framed(2, sent...))
			synctest.Wait()
			assert.Equal(t, sent[:10], e.drain())
			time.Sleep(499 * time.Millisecond)
			assert.Equal(t, sent[10:], e.drain())
			assert.Equal(t, Refusals{Slowed: uint64(i + 1)}, e.manager.Refusals())
			time.Sleep(time.Minute)
		}
	})
}

// slowedTexts are what a slowed connection is sent.
var slowedTexts = texts(30, 20)

// slowed returns an end that has taken a burst, and whose connection is held up by its
// rate.
func slowed(t *testing.T, config Config) (*end, *Connection, net.Conn) {
	e := newEnd(t, &config)
	conn, far := e.pipe()
	write(t, far, framed(2, slowedTexts...))
	synctest.Wait()
	require.Equal(t, slowedTexts[:10], e.drain())
	return e, conn, far
}

func TestSlowedConnection(t *testing.T) {
	slow := Config{MaxDatagramsPerSecond: 10, IdleTimeout: time.Second}
	inBubble(t, map[string]func(t *testing.T){
		"closed while it is slowed": func(t *testing.T) {
			e, conn, far := slowed(t, slow)
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			require.NoError(t, far.Close())
			e.requireNoReset(conn)
			assert.Less(t, time.Since(start), shortestPause)
		},
		"it goes on in another reader": func(t *testing.T) {
			e, conn, _ := slowed(t, slow)
			require.True(t, e.reader.RemoveConnection(conn))
			time.Sleep(time.Hour)
			assert.Empty(t, e.drain())
			e.reader = NewQueuedConnectionReader(e.manager)
			require.NoError(t, e.reader.AddConnection(conn))
			synctest.Wait()
			assert.Equal(t, slowedTexts[10:20], e.drain(), "one burst has been saved up")
			require.NoError(t, conn.Err(), "and it is not idle")
		},
		"the outgoing side fails": func(t *testing.T) {
			config := slow
			config.WriteTimeout = 100 * time.Millisecond
			e, conn, _ := slowed(t, config)
			e.send(conn, "nobody takes it")
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			assert.Equal(t, slowedTexts[10:], e.drain(), "all that has come, at once")
			assert.Same(t, conn, e.reset())
			assert.Equal(t, ErrWriteTimeout, conn.Err())
		},
	})
}

func TestBurst(t *testing.T) {
	inBubble(t, map[string]func(t *testing.T){
		"a datagram longer than one": func(t *testing.T) {
			e := newEnd(t, &Config{MaxBytesPerSecond: 100})
			_, far := e.pipe()
			long := strings.Repeat("x", 498)
			write(t, far, framed(2, long, "short"))
			start := time.Now()
			assert.Equal(t, long, string(e.next().Message()))
			since(t, start, 0)
			assert.Equal(t, "short", string(e.next().Message()))
			assert.InDelta(t, 4.07, time.Since(start).Seconds(), 0.05, "the long one is paid for but for a burst")
		},
		"none": func(t *testing.T) {
			e := newEnd(t, &Config{MaxDatagramsPerSecond: 10, RateBurst: -1})
			_, far := e.pipe()
			write(t, far, framed(2, slowedTexts[:5]...))
			start := time.Now()
			assert.Equal(t, slowedTexts[:5], e.messages(5))
			since(t, start, 400*time.Millisecond)
		},
		"raw mode": func(t *testing.T) {
			e := newEnd(t, &Config{MaxBytesPerSecond: 100})
			e.reader.SetRawMode(true)
			_, far := e.pipe()
			start := time.Now()
			for i := range 3 {
				piece := strings.Repeat("x", 500)
				write(t, far, piece)
				assert.Equal(t, piece, string(e.next().Message()))
				since(t, start, time.Duration(i)*5*time.Second)
			}
		},
	})
}

// A flood over a socket of the system, in long runs, with both header sizes.
func TestRatesOfASocket(t *testing.T) {
	for _, headerSize := range []int{2, 4} {
		e := newEnd(t, &Config{TCPHeaderSize: headerSize, MaxDatagramsPerSecond: 20_000, RateBurst: 100 * time.Millisecond})
		_, raw := e.raw()
		sent := texts(8000, 70)
		start := time.Now()
		go io.WriteString(raw, framed(headerSize, sent...))
		assert.Equal(t, sent, e.messages(len(sent)))
		assert.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)
		assert.GreaterOrEqual(t, e.manager.Refusals().Slowed, uint64(1))
	}
}
