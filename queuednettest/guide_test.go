package queuednettest_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/queuednettest"
	"github.com/queuednet/queuednet/simulate"
)

// Three tests of a game, to copy from. The game is in game_server_test.go and
// game_client_test.go.

// serve starts the game's server at a listener: its loop runs until the end of the
// test.
func serve(t *testing.T, socket net.Listener, config *queuednet.Config) *gameServer {
	t.Helper()
	server, err := newGameServer(socket, config)
	require.NoError(t, err)
	frames := every(t, tick, server.step)
	t.Cleanup(func() {
		frames()
		server.manager.Close()
	})
	return server
}

// play starts a client of the game in the same way.
func play(t *testing.T, client *gameClient) *gameClient {
	frames := every(t, frame, client.update)
	t.Cleanup(func() {
		frames()
		client.manager.Close()
	})
	return client
}

// every calls a frame again and again, until stop is called.
func every(t *testing.T, pause time.Duration, step func()) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				step()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-over
	}
}

// poisoned finds a loop that keeps a datagram without Clone.
var poisoned = &queuednet.Config{PoisonViews: true}

// The first test: who may join. The server is the game's; the test plays a client
// and says what it likes.
func TestGuideJoin(t *testing.T) {
	hello := func(magic uint32, version uint16, name string) *queuednet.Datagram {
		var datagram queuednet.Datagram
		datagram.AddUint8(kindHello)
		datagram.AddUint32(magic)
		datagram.AddUint16(version)
		datagram.AddString(name)
		return &datagram
	}
	for name, test := range map[string]struct {
		hello   *queuednet.Datagram
		refused string
	}{
		"a player":         {hello(magic, version, "ann"), ""},
		"an older version": {hello(magic, version-1, "ann"), "another version of the game"},
		"another game":     {hello(1, version, "ann"), "this is not a player of this game"},
		"a taken name":     {hello(magic, version, "bob"), "the name is taken"},
		"half a hello":     {queuednet.NewDatagram([]byte{kindHello}), "this is not a player of this game"},
		"nothing":          {queuednet.NewDatagram(nil), "this is not a player of this game"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := queuednettest.NewListener(t, nil)
				serve(t, listener, poisoned)
				bob := listener.Join(nil)
				require.NoError(t, bob.Writer.Send(hello(magic, version, "bob"), bob.Conn))
				bob.Next() // a snapshot: it has joined

				client := listener.Join(nil)
				require.NoError(t, client.Writer.Send(test.hello, client.Conn))
				answer := client.Next().Iterator()
				if test.refused == "" {
					assert.EqualValues(t, kindSnapshot, answer.GetUint8())
					return
				}
				assert.EqualValues(t, kindRefused, answer.GetUint8())
				assert.Equal(t, test.refused, answer.GetString())
				assert.Same(t, client.Conn, client.Ended(), "and thrown out")
			})
		})
	}
}

// The second test: a player who lags. Server and client are the game's; the line
// between them is late, and then dead. Each frame is looked at.
func TestGuideLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const speed = 10
		network := simulate.NewNetwork(1)
		network.StartDelay(100*time.Millisecond, 150*time.Millisecond)
		listener := queuednettest.NewListener(t, network)
		serve(t, listener, poisoned)
		ann := newGameClient("ann", listener.Dial, poisoned)

		// frames shows frames for so long, and the farthest that the ship jumps.
		frames := func(d time.Duration) (farthest float64) {
			last := 0.0
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(frame) {
				ann.update()
				if track := ann.tracks["ann"]; track != nil {
					now := track.shown(time.Now())
					farthest = max(farthest, now-last)
					assert.GreaterOrEqual(t, now, last, "the ship goes back")
					last = now
				}
			}
			return farthest
		}
		t.Cleanup(func() { ann.manager.Close() })
		frames(time.Second)
		ann.steer(speed)
		perFrame := speed * frame.Seconds()
		assert.InDelta(t, perFrame, frames(10*time.Second), perFrame/2, "the ship does not glide")

		network.StartDelay(time.Hour, time.Hour) // the line is dead, and nobody is told
		frames(2 * time.Second)
		assert.NotNil(t, ann.conn, "given up too early")
		frames(2 * time.Second)
		assert.Nil(t, ann.conn, "not given up")
	})
}

// The second test with packets: what is lost, twice, or late must not show either.
func TestGuideLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const speed = 10
		network := simulate.NewNetwork(1)
		network.StartDelay(50*time.Millisecond, 100*time.Millisecond)
		network.SetLoss(0.1)
		network.SetDuplication(0.1)
		network.SetReordering(0.1)
		server, client := queuednettest.UDPPair(t, &queuednettest.Options{Network: network})

		var track track
		start, last := time.Now(), 0.0
		send := every(t, tick, func() {
			var place queuednet.Datagram
			place.AddFloat64(time.Since(start).Seconds())
			assert.NoError(t, server.Writer.SendTo(&place, server.Conn, client.Conn.LocalAddress()))
		})
		defer send()
		for time.Since(start) < 30*time.Second {
			time.Sleep(frame)
			for datagram := range client.Reader.Datagrams() {
				it := datagram.Iterator()
				seconds := it.GetFloat64()
				track.add(time.Duration(seconds*float64(time.Second)), speed*seconds, time.Now())
			}
			if time.Since(start) > time.Second {
				now := track.shown(time.Now())
				assert.GreaterOrEqual(t, now, last, "the ship goes back")
				assert.InDelta(t, 0.25, time.Since(start).Seconds()-now/speed, 0.1, "how late it is shown")
				last = now
			}
		}
	})
}

// The third test: a player who is cut off comes back to the same ship; one who was
// kicked does not come back.
func TestGuideReconnectAndKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := queuednettest.NewListener(t, nil)
		server, err := newGameServer(listener, poisoned)
		require.NoError(t, err)
		t.Cleanup(func() { server.manager.Close() })
		ann := newGameClient("ann", listener.Dial, poisoned)
		t.Cleanup(func() { ann.manager.Close() })
		// run has both loops in this goroutine, so that the test may look into both.
		run := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(tick) {
				server.step()
				ann.update()
			}
		}
		player := func() *queuednet.Connection {
			for conn := range server.players {
				return conn
			}
			return nil
		}

		run(time.Second)
		ann.steer(1)
		run(10 * time.Second)
		require.NotNil(t, player())
		place := server.ships["ann"].place
		assert.InDelta(t, 10, place, 0.2)

		for range 2 {
			player().Abort() // as if the line broke: no word to the client
			server.leave(player())
			run(firstPause / 2)
			assert.Nil(t, ann.conn)
			run(firstPause)
			require.NotNil(t, ann.conn, "it has not come back")
			assert.Equal(t, place, server.ships["ann"].place, "it has got another ship")
		}

		server.kick(player(), "for shooting at friends")
		run(time.Minute)
		assert.Equal(t, "for shooting at friends", ann.refused)
		assert.Nil(t, ann.conn)
		assert.Empty(t, server.players, "it has come back")
		assert.Empty(t, server.ships, "the ship is kept for 30 seconds only")
	})
}

// While there is no server the pauses between two tries grow, up to a bound.
func TestGuideBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := queuednettest.NewListener(t, nil)
		listener.Close()
		start := time.Now()
		var tries []time.Duration
		ann := play(t, newGameClient("ann", func(ctx context.Context) (net.Conn, error) {
			tries = append(tries, time.Since(start).Round(time.Second))
			return listener.Dial(ctx)
		}, poisoned))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		seconds := func(n time.Duration) time.Duration { return n * time.Second }
		assert.Equal(t, []time.Duration{0, seconds(1), seconds(3), seconds(7), seconds(15), seconds(23)}, tries)
		assert.Nil(t, ann.conn)
	})
}
