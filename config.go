package queuednet

import (
	"log/slog"
	"math"
	"net"
	"syscall"
	"time"
)

// Config holds the settings of a QueuedConnectionManager. A nil Config and the
// zero value of each field mean the default in its comment; a negative duration
// means none, except that of KeepAliveInterval. A duration over 100 years is taken
// for 100 years where its field has no smaller bound. The manager copies it. An
// impossible value makes every call that opens something fail with a
// *ConfigError that names the field: a negative number, one of bytes or of a
// limit over 2,147,483,647, a KeepAliveIdle or KeepAliveInterval over 32,767
// seconds, a KeepAliveCount over 127, an AckTimeout over 24 days.
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
	// connection is not read, so that TCP slows its peer; nothing is dropped.
	// Of UDP what comes then is dropped, and counted in UDPDrops. A single
	// datagram longer than this is still received. Default: 512 KiB.
	MaxReceiveQueue int

	// MaxSendQueue bounds the bytes sent to one connection that the system has
	// not yet accepted. Over it the connection ends with ErrSendQueueFull: a
	// reliable stream delivers or ends. SendTo of UDP only refuses. Default: 4 MiB.
	MaxSendQueue int

	// WriteTimeout ends a connection with ErrWriteTimeout when its peer has
	// taken no byte for so long although some wait. On Linux that is also so
	// where it is the system's buffer in which they wait (see AckTimeout).
	// Default: 30 seconds.
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

	// KeepAliveIdle, KeepAliveInterval and KeepAliveCount say how the system asks
	// a peer of which nothing has come for so long whether it is still there: how
	// often, and how many times before it is taken for dead, which ends the
	// connection with ErrNoAnswer. A peer that dies without a word is noticed,
	// while nothing is sent to it, KeepAliveIdle + KeepAliveCount ×
	// KeepAliveInterval after the last byte from it. On Linux AckTimeout stands in
	// for the count: it is noticed when the first question after AckTimeout is
	// due. Both are 11 seconds by default. The connection must be in a reader.
	//
	// The system rounds up to seconds. A negative KeepAliveIdle turns it off.
	// They hold for connections opened by the library and accepted, not for those
	// of AdoptConnection. Defaults: 5 seconds, 2 seconds and 3.
	KeepAliveIdle     time.Duration
	KeepAliveInterval time.Duration
	KeepAliveCount    int

	// AckTimeout ends a connection with ErrNoAnswer when its peer has acknowledged
	// nothing for so long of what was sent: so a peer is noticed that dies while
	// something is on its way to it. The system does this, on Linux only
	// (TCP_USER_TIMEOUT), and counts from when it first repeats something: mostly
	// less than a second later, on a network that loses packets some seconds.
	// Elsewhere such a peer is noticed when the system gives up, after minutes, or
	// by WriteTimeout. A peer that answers but
	// has no room, because its program takes nothing, is left to WriteTimeout,
	// also if it dies then. It holds for the same connections as KeepAliveIdle.
	// Negative: none. Default: 10 seconds.
	AckTimeout time.Duration

	// MaxConnections bounds the connections accepted through all rendezvous of the
	// manager that are alive: until their sockets are closed, which may be up to
	// CloseTimeout after the program has closed them. One too many is accepted
	// and closed at once, with a reset. It protects descriptors and memory. Here
	// and in the following limits 0, the default, is none. None of those on
	// accepting holds for AdoptConnection.
	MaxConnections int

	// MaxConnectionsPerAddress does so for each IPv4 address, and each /64 of
	// IPv6, which one subscriber may have whole. It protects the other players'
	// places from one peer's. Many players may share an address: leave room for
	// a school or a mobile network. A peer without an IP address, at an adopted
	// rendezvous, counts in MaxConnections only.
	MaxConnectionsPerAddress int

	// MaxAcceptsPerSecond bounds how many connections an address, as above, may
	// open in a second, with RateBurst; those beyond it are refused in the same way.
	// It protects the program from peers that come and go all the time.
	MaxAcceptsPerSecond int

	// FirstDatagramTimeout ends a connection that was accepted or adopted with
	// ErrFirstDatagram when its first whole datagram has not come within this
	// time. It protects the places from peers that hold them and say nothing.
	// Like IdleTimeout it counts only while the library waits for the peer.
	// Default: none.
	FirstDatagramTimeout time.Duration

	// IdleTimeout ends a connection with ErrIdle from which nothing, not even a
	// part of a datagram, has come for so long. It counts only while the
	// library waits for the peer: one that is not read because of
	// MaxReceiveQueue or its rate does not end, nor one in no reader; then the
	// time begins anew. A slow program ends nothing. A peer that lives but has
	// nothing to say is idle too: use it where peers send something at least so
	// often. Default: none.
	IdleTimeout time.Duration

	// MaxDatagramsPerSecond and MaxBytesPerSecond, headers included, bound what is
	// received from a TCP connection, with RateBurst. One that sends more is read
	// no faster, so that TCP slows it: nothing is lost. A datagram longer than a
	// burst waits until all before it is paid for. In raw mode a datagram is what
	// one read returned. They protect the program's time from a flood.
	MaxDatagramsPerSecond int
	MaxBytesPerSecond     int

	// EndFloods ends a connection that exceeds its rate, with ErrFlooding, instead
	// of slowing it. What came within the rate is delivered, the rest is not.
	EndFloods bool

	// RateBurst is how much of the rates above may come at once: as much as in
	// so long at the rate; one connection or datagram always may. Default: 1 second.
	RateBurst time.Duration

	// ReportClosed has the connections that the program closes itself, by
	// CloseConnection, Close or Abort, reported as those that end otherwise: in the
	// reset queue, once, after their last datagram has been taken, with net.ErrClosed as
	// their Err, or with the reason of an end that came before. Then a program has one
	// place at which a player leaves, for kicks too, and until then keeps what belongs to
	// a connection for the datagrams of it that are still queued. Close of the manager
	// has all connections reported that were open; a rendezvous is not. Default: false,
	// as in Panda3D.
	ReportClosed bool

	// Logger is told of each connection that is made or ends, at level Debug, with its
	// Address by then, its kind, and the reason of the end; those of a burst that its
	// handler does not keep up with are only counted. It is told of refusals at level
	// Warn: with one line when a burst of them begins, one a minute while it lasts, and
	// nothing until 10 seconds without any have passed, separately for each reason in
	// Refusals. Its handler runs on a
	// goroutine of its own: it may be slow without holding up anything, and it
	// may outlive Close of the manager, where it takes longer than CloseTimeout.
	// Default: none.
	Logger *slog.Logger

	// PoisonViews overwrites the bytes of each datagram that a loop over Datagrams
	// has yielded when the step of the loop is over, with 0xDB: a program that keeps
	// a datagram, or a slice of its bytes, without Clone finds nonsense in it at once
	// and not now and then, and the race detector tells if it was kept by another
	// goroutine. It is for tests; package queuednettest turns it on. It costs a write
	// for each byte received, nothing if it is off. Default: false.
	PoisonViews bool

	// IPv4Only keeps to IPv4 when listening and when looking up names; an IPv6
	// address is an error then. It is the reverse of Panda3D's support-ipv6.
	// Default: false.
	IPv4Only bool

	// LocalAddress is the address of this machine that
	// OpenTCPClientConnection and BeginTCPClientConnection connect from, and so
	// the version of IP that they use; its port is 0 as a rule, the system's choice,
	// as another one serves one connection at a time. Rendezvous and UDP sockets
	// have an argument for it. Default: the system's choice.
	LocalAddress NetAddress

	// Control is called for each socket that the library opens, TCP and UDP, after
	// it has been created and before it is bound, as the Control of net.Dialer and
	// of net.ListenConfig is: with SO_REUSEPORT, SO_BINDTODEVICE, IP_MULTICAST_IF
	// and the like in mind. The network is "tcp4", "tcp6", "udp4" or "udp6", and the
	// address that of the peer for a client, and else its own. Accepted and adopted
	// sockets are not opened by the library. An error is that of the
	// call that opens. It runs on the goroutine of that call or on one of the
	// library, also on several at a time; that one waits for it, and nothing
	// recovers from a panic. Default: none.
	Control func(network, address string, c syscall.RawConn) error
}

const (
	defaultMaxDatagram2 = math.MaxUint16
	defaultMaxDatagram4 = 1 << 20
	defaultBacklog      = 1000

	maxKeepAlive = 32_767 * time.Second

	// longestTime bounds the durations that are added up with others and with
	// times, so that no sum overflows.
	longestTime = 100 * 365 * 24 * time.Hour

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
	orDefault(&config.KeepAliveIdle, 5*time.Second)
	orDefault(&config.KeepAliveInterval, 2*time.Second)
	orDefault(&config.KeepAliveCount, 3)
	orDefault(&config.AckTimeout, 10*time.Second)
	orDefault(&config.RateBurst, time.Second)

	for _, field := range []*time.Duration{
		&config.WriteTimeout, &config.CloseTimeout, &config.CollectTCPInterval,
		&config.FirstDatagramTimeout, &config.IdleTimeout, &config.RateBurst,
	} {
		*field = min(max(*field, -1), longestTime)
	}
	return config, config.check()
}

// check returns a *ConfigError for a value out of its range. Durations that only the
// library uses have been cut into theirs.
func (c *Config) check() error {
	for _, field := range []struct {
		name  string
		value int
	}{
		{"MaxDatagramSize", c.MaxDatagramSize},
		{"MaxReceiveQueue", c.MaxReceiveQueue},
		{"MaxSendQueue", c.MaxSendQueue},
		{"MaxConnections", c.MaxConnections},
		{"MaxConnectionsPerAddress", c.MaxConnectionsPerAddress},
		{"MaxAcceptsPerSecond", c.MaxAcceptsPerSecond},
		{"MaxDatagramsPerSecond", c.MaxDatagramsPerSecond},
		{"MaxBytesPerSecond", c.MaxBytesPerSecond},
	} {
		if field.value < 0 || int64(field.value) > math.MaxInt32 {
			return &ConfigError{field.name, field.value}
		}
	}
	if c.TCPHeaderSize != 2 && c.TCPHeaderSize != 4 {
		return &ConfigError{"TCPHeaderSize", c.TCPHeaderSize}
	}
	// What Linux takes.
	switch {
	case c.KeepAliveIdle > maxKeepAlive:
		return &ConfigError{"KeepAliveIdle", c.KeepAliveIdle}
	case c.KeepAliveInterval < 0 || c.KeepAliveInterval > maxKeepAlive:
		return &ConfigError{"KeepAliveInterval", c.KeepAliveInterval}
	case c.KeepAliveCount < 0 || c.KeepAliveCount > 127:
		return &ConfigError{"KeepAliveCount", c.KeepAliveCount}
	case c.AckTimeout.Milliseconds() > math.MaxInt32:
		return &ConfigError{"AckTimeout", c.AckTimeout}
	}
	return nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// networkOf returns the network in which an address is opened: [::] is that of
// both versions of IP.
func (c *Config) networkOf(protocol string, address NetAddress) (string, error) {
	switch {
	case !address.IsIPv6():
		return protocol + "4", nil
	case c.IPv4Only:
		return "", &net.AddrError{Err: "IPv6 address with IPv4Only", Addr: address.String()}
	case address.IsAny():
		return protocol, nil
	}
	return protocol + "6", nil
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
