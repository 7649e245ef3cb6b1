package queuednet

import (
	"math"
	"time"
)

// Config holds the settings of a QueuedConnectionManager. A nil Config and the
// zero value of each field mean the default in its comment; a negative duration
// means none. The manager copies it. An impossible value makes every call that
// opens something fail with a *ConfigError that names the field.
type Config struct {
	// TCPHeaderSize is the size in bytes of the length before each datagram, 2
	// or 4, that new readers and writers start with. Both ends must agree:
	// nothing on the wire tells. It is Panda3D's tcp-header-size. Default: 2.
	TCPHeaderSize int

	// MaxDatagramSize is the longest datagram in bytes, without its header, that
	// is accepted from a peer. One that announces more ends its connection with
	// a *DatagramTooLongError. Default: 65,535 with 2-byte headers, 1 MiB with
	// 4-byte headers.
	MaxDatagramSize int

	// MaxReceiveQueue bounds the memory in bytes that what one connection
	// received, and the program has not yet taken, may hold. Beyond it the
	// connection is not read, so that TCP slows its peer; nothing is dropped. A
	// single datagram longer than this is still received. Default: 512 KiB.
	MaxReceiveQueue int

	// MaxSendQueue bounds the bytes sent to one connection that the system has
	// not yet accepted. Over it the connection ends with ErrSendQueueFull: a
	// reliable stream delivers or ends. Default: 4 MiB.
	MaxSendQueue int

	// WriteTimeout ends a connection with ErrWriteTimeout when its peer has
	// taken no byte for so long although some wait. Default: 30 seconds.
	WriteTimeout time.Duration

	// CloseTimeout bounds how long a closed connection goes on in the background
	// to deliver what was sent, and how long Close of the manager waits for all
	// of them. Negative: nothing is waited for, what the system has not accepted
	// is lost. Default: 5 seconds.
	CloseTimeout time.Duration

	// CollectTCP makes new connections collect what is sent and let it go in
	// one piece every CollectTCPInterval. They are Panda3D's collect-tcp and
	// collect-tcp-interval. Defaults: false and 200 ms.
	CollectTCP         bool
	CollectTCPInterval time.Duration

	// IPv4Only keeps to IPv4 when listening and when looking up names. It is
	// the reverse of Panda3D's support-ipv6. Default: false.
	IPv4Only bool
}

const (
	defaultMaxDatagram2 = math.MaxUint16
	defaultMaxDatagram4 = 1 << 20
	defaultBacklog      = 1000

	// maxResetQueue bounds the ends that nobody takes, as Panda3D's queues are
	// bounded (net-max-response-queue): a program that never asks for them must
	// not keep every connection it ever had.
	maxResetQueue = 50_000
)

// withDefaults returns a copy with the defaults filled in, or a *ConfigError.
func (c *Config) withDefaults() (Config, error) {
	var config Config
	if c != nil {
		config = *c
	}
	orDefault(&config.TCPHeaderSize, 2)
	orDefault(&config.MaxReceiveQueue, 512<<10)
	orDefault(&config.MaxSendQueue, 4<<20)
	orDefault(&config.WriteTimeout, 30*time.Second)
	orDefault(&config.CloseTimeout, 5*time.Second)
	orDefault(&config.CollectTCPInterval, 200*time.Millisecond)

	for _, field := range []struct {
		name  string
		value int
	}{
		{"MaxDatagramSize", config.MaxDatagramSize},
		{"MaxReceiveQueue", config.MaxReceiveQueue},
		{"MaxSendQueue", config.MaxSendQueue},
	} {
		if field.value < 0 || int64(field.value) > math.MaxInt32 {
			return config, &ConfigError{field.name, field.value}
		}
	}
	if config.TCPHeaderSize != 2 && config.TCPHeaderSize != 4 {
		return config, &ConfigError{"TCPHeaderSize", config.TCPHeaderSize}
	}
	return config, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxDatagram returns the longest datagram accepted behind a header of this size.
func (c *Config) maxDatagram(headerSize int) int {
	switch {
	case c.MaxDatagramSize != 0:
		return c.MaxDatagramSize
	case headerSize == 4:
		return defaultMaxDatagram4
	default:
		return defaultMaxDatagram2
	}
}
