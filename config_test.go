package queuednet

import (
	"bytes"
	"log/slog"
	"math"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfigDefaults(t *testing.T) {
	want := Config{
		TCPHeaderSize:      2,
		MaxReceiveQueue:    512 << 10,
		MaxSendQueue:       4 << 20,
		WriteTimeout:       30 * time.Second,
		CloseTimeout:       5 * time.Second,
		CollectTCPInterval: 200 * time.Millisecond,
		KeepAliveIdle:      5 * time.Second,
		KeepAliveInterval:  2 * time.Second,
		KeepAliveCount:     3,
		AckTimeout:         10 * time.Second,
		RateBurst:          time.Second,
	}
	for _, config := range []*Config{nil, {}} {
		got, err := config.withDefaults()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for size, longest := range map[int]int{2: 65_535, 4: 1 << 20} {
		assert.Equal(t, longest, want.maxDatagram(size))
		assert.Equal(t, 99, (&Config{MaxDatagramSize: 99}).maxDatagram(size))
	}

	// What is set stays, and a negative duration is not the default.
	set := Config{
		TCPHeaderSize: 4, MaxDatagramSize: 1, MaxReceiveQueue: 2, MaxSendQueue: 3, WriteTimeout: -1, CloseTimeout: -1,
		CollectTCP: true, CollectTCPInterval: -1,
		KeepAliveIdle: -1, KeepAliveInterval: 4, KeepAliveCount: 5, AckTimeout: -1,
		MaxConnections: 6, MaxConnectionsPerAddress: 7, MaxAcceptsPerSecond: 8,
		FirstDatagramTimeout: -1, IdleTimeout: -1, MaxDatagramsPerSecond: 9, MaxBytesPerSecond: 10,
		EndFloods: true, RateBurst: -1, Logger: slog.Default(), IPv4Only: true,
	}
	got, err := set.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, set, got)
}

func TestConfigIsCopied(t *testing.T) {
	config := &Config{TCPHeaderSize: 4, CollectTCP: true}
	manager := NewQueuedConnectionManager(config)
	defer manager.Close()
	*config = Config{TCPHeaderSize: 3}
	assert.Equal(t, 4, NewQueuedConnectionReader(manager).TCPHeaderSize())
	assert.Equal(t, 4, NewConnectionWriter(manager).TCPHeaderSize())
	near, far := net.Pipe()
	defer far.Close()
	conn, err := manager.AdoptConnection(near)
	require.NoError(t, err)
	assert.True(t, conn.CollectTCP())
	assert.Zero(t, config.MaxSendQueue, "and not filled in")
}

// badConfigs are configurations with one wrong field each.
func badConfigs() []badConfig {
	tooMuch := func(field func(c *Config) *int) *Config {
		c := new(Config)
		if huge := int64(math.MaxInt32) + 1; int64(int(huge)) == huge {
			*field(c) = int(huge)
			return c
		}
		*field(c) = -2 // an int of 32 bits cannot be too large
		return c
	}
	return []badConfig{
		{"TCPHeaderSize", &Config{TCPHeaderSize: 1}},
		{"TCPHeaderSize", &Config{TCPHeaderSize: 3}},
		{"TCPHeaderSize", &Config{TCPHeaderSize: 8}},
		{"TCPHeaderSize", &Config{TCPHeaderSize: -2}},
		{"MaxDatagramSize", &Config{MaxDatagramSize: -1}},
		{"MaxDatagramSize", tooMuch(func(c *Config) *int { return &c.MaxDatagramSize })},
		{"MaxReceiveQueue", &Config{MaxReceiveQueue: -1}},
		{"MaxReceiveQueue", tooMuch(func(c *Config) *int { return &c.MaxReceiveQueue })},
		{"MaxSendQueue", &Config{MaxSendQueue: -1}},
		{"MaxSendQueue", tooMuch(func(c *Config) *int { return &c.MaxSendQueue })},
		{"MaxConnections", &Config{MaxConnections: -1}},
		{"MaxConnectionsPerAddress", &Config{MaxConnectionsPerAddress: -1}},
		{"MaxAcceptsPerSecond", &Config{MaxAcceptsPerSecond: -1}},
		{"MaxDatagramsPerSecond", &Config{MaxDatagramsPerSecond: -1}},
		{"MaxBytesPerSecond", &Config{MaxBytesPerSecond: -1}},
		{"KeepAliveIdle", &Config{KeepAliveIdle: maxKeepAlive + 1}},
		{"KeepAliveInterval", &Config{KeepAliveInterval: -1}},
		{"KeepAliveInterval", &Config{KeepAliveInterval: maxKeepAlive + 1}},
		{"KeepAliveCount", &Config{KeepAliveCount: -1}},
		{"KeepAliveCount", &Config{KeepAliveCount: 128}},
		{"AckTimeout", &Config{AckTimeout: 1 << 31 * time.Millisecond}},
	}
}

type badConfig struct {
	field  string
	config *Config
}

func TestConfigErrors(t *testing.T) {
	for _, test := range badConfigs() {
		t.Run(test.field, func(t *testing.T) {
			m := NewQueuedConnectionManager(test.config)
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			opening := map[string]func() (*Connection, error){
				"OpenTCPServerRendezvous":   func() (*Connection, error) { return m.OpenTCPServerRendezvous(0, 0) },
				"OpenTCPServerRendezvousAt": func() (*Connection, error) { return m.OpenTCPServerRendezvousAt(NetAddress{}, 0) },
				"OpenTCPClientConnection":   func() (*Connection, error) { return m.OpenTCPClientConnection("127.0.0.1", 9, 0) },
				"BeginTCPClientConnection": func() (*Connection, error) {
					return m.BeginTCPClientConnection("127.0.0.1", 9, 0).Result()
				},
				"AdoptConnection": func() (*Connection, error) { return m.AdoptConnection(near) },
				"AdoptRendezvous": func() (*Connection, error) { return m.AdoptRendezvous(newPipeListener()) },
			}
			for name, open := range opening {
				conn, err := open()
				assert.Nil(t, conn, name)
				var configErr *ConfigError
				if assert.ErrorAs(t, err, &configErr, name) {
					assert.Equal(t, test.field, configErr.Field)
					assert.NotZero(t, configErr.Value)
					assert.ErrorContains(t, err, "Config."+test.field)
				}
			}
			assert.NoError(t, m.Close())
		})
	}
}

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
