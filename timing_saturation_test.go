package queuednet

import (
	"bytes"
	"math"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every duration of Config at both ends of its range means what it says: a round
// trip works, a peer that takes its time gets everything, and closing ends. The
// durations for which Config documents a *ConfigError are one.
func TestDurationsSaturate(t *testing.T) {
	refused := map[string]time.Duration{ // the values that are a ConfigError
		"KeepAliveIdle": math.MaxInt64, "AckTimeout": math.MaxInt64,
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if field.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		for _, value := range []time.Duration{math.MaxInt64, math.MinInt64} {
			t.Run(field.Name+" "+value.String(), func(t *testing.T) {
				config := Config{MaxBytesPerSecond: 1 << 30, CollectTCP: field.Name == "CollectTCPInterval"}
				reflect.ValueOf(&config).Elem().FieldByName(field.Name).SetInt(int64(value))
				if refused[field.Name] == value || field.Name == "KeepAliveInterval" {
					_, err := NewQueuedConnectionManager(&config).OpenTCPServerRendezvous(0, 0)
					var configError *ConfigError
					require.ErrorAs(t, err, &configError)
					require.Equal(t, field.Name, configError.Field)
					return
				}
				slowRoundTrips(t, &config)
			})
		}
	}
}

// slowRoundTrips exchanges datagrams over plain TCP and an adopted socket, with
// peers that take what is sent to them only after a while.
func slowRoundTrips(t *testing.T, config *Config) {
	sockets := map[string]func(e *end) (*Connection, net.Conn){
		"TCP":     func(e *end) (*Connection, net.Conn) { conn, far := e.raw(); return conn, far },
		"pipe":    (*end).pipe,
		"wrapper": (*end).wrapped,
	}
	for name, open := range sockets {
		e := newEnd(t, config)
		conn, far := open(e)
		write(t, far, "\x02\x00hi")
		require.Equal(t, "hi", string(e.next().Message()), name)

		payload := bytes.Repeat([]byte("x"), 60_000)
		for range 20 { // more than the system takes of a pipe
			require.NoError(t, e.writer.Send(NewDatagram(payload), conn), name)
		}
		conn.Flush()
		time.Sleep(60 * time.Millisecond) // the peer is slow: longer than the grace of a deadline
		require.NoError(t, conn.Err(), name)
		if config.CloseTimeout >= 0 {
			require.True(t, e.manager.CloseConnection(conn))
		}
		require.Len(t, read(t, far, 20*60_002), 20*60_002, name)
		require.NoError(t, far.Close())
		require.NoError(t, e.manager.Close(), name)
	}
}

// wrapped adopts a socket of TCP that has only the methods of a net.Conn.
func (e *end) wrapped() (*Connection, net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(e.t, err)
	defer listener.Close()
	far := dialRaw(e.t, listener.Addr().String())
	near, err := listener.Accept()
	require.NoError(e.t, err)
	conn, err := e.manager.AdoptConnection(struct{ net.Conn }{near})
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn, far
}
