package queuednet

import (
	"log/slog"
	"math"
	"net"
	"syscall"
	"time"
)

// Config holds the settings of a QueuedConnectionManager. A nil Config, and the zero
// value of each field, mean the default that stands in the comment of the field. A
// negative duration means none, except for KeepAliveInterval. A duration over 100 years
// counts as 100 years, unless its field has a smaller bound. The manager copies the
// Config.
//
// If a value is impossible, every call that opens something fails with a *ConfigError
// that names the field. Impossible are a negative number; a number of bytes, or a
// limit, over 2,147,483,647; a KeepAliveIdle or KeepAliveInterval over 32,767 seconds;
// a KeepAliveCount over 127; and an AckTimeout over 24 days.
type Config struct {
	// TCPHeaderSize is the size, in bytes, of the length before each datagram: 2 or 4.
	// New readers and writers start with it. Both ends must agree, because nothing on
	// the wire tells. It is Panda3D's tcp-header-size. Default: 2.
	TCPHeaderSize int

	// MaxDatagramSize is the longest datagram, in bytes without its header, that is
	// accepted from a peer. A peer that announces a longer one loses its connection,
	// with a *DatagramTooLongError. Default: 65,535 with 2-byte headers, 1 MiB with
	// 4-byte headers.
	MaxDatagramSize int

	// MaxReceiveQueue bounds the memory, in bytes, for what one connection has received
	// and the program has not taken yet. Beyond it the library does not read the
	// connection, so TCP slows the peer, and nothing is dropped. Packets of UDP that
	// arrive then are dropped, and counted in UDPDrops. A single datagram longer than
	// this is still received. Default: 512 KiB.
	MaxReceiveQueue int

	// MaxSendQueue bounds the bytes that wait, for one connection, until the system
	// accepts them. A connection that exceeds it ends with ErrSendQueueFull, because a
	// reliable stream either delivers or ends. SendTo of UDP only refuses the datagram.
	// Default: 4 MiB.
	MaxSendQueue int

	// WriteTimeout ends a connection with ErrWriteTimeout if bytes wait for its peer
	// and the peer takes none of them for this time. On Linux that includes bytes that
	// wait in the buffer of the system (see AckTimeout). Default: 30 seconds.
	WriteTimeout time.Duration

	// CloseTimeout bounds for how long a closed connection goes on, in the background,
	// to deliver what was sent, and for how long Close of the manager waits for all of
	// them. If it is negative, nothing is waited for, and the bytes that the system has
	// not accepted are lost. Default: 5 seconds.
	CloseTimeout time.Duration

	// CollectTCP makes new connections collect what is sent, and send it in one piece
	// every CollectTCPInterval. They are Panda3D's collect-tcp and
	// collect-tcp-interval. Defaults: false and 200 ms.
	CollectTCP         bool
	CollectTCPInterval time.Duration

	// KeepAliveIdle, KeepAliveInterval and KeepAliveCount make the system ask a silent
	// peer whether it is still there. The system asks when nothing has arrived for
	// KeepAliveIdle, and asks again every KeepAliveInterval. A peer that has left
	// KeepAliveCount questions unanswered counts as dead, and its connection ends with
	// ErrNoAnswer. So the death of a peer to which nothing is sent is noticed
	// KeepAliveIdle + KeepAliveCount × KeepAliveInterval after the last byte from it.
	// On Linux AckTimeout takes the place of the count: the death is noticed when the
	// first question after AckTimeout is due. Both are 11 seconds by default. The
	// connection must be in a reader.
	//
	// The system rounds up to seconds. A negative KeepAliveIdle turns the questions
	// off. All three hold for connections that the library opens or accepts, not for
	// those of AdoptConnection. Defaults: 5 seconds, 2 seconds and 3.
	KeepAliveIdle     time.Duration
	KeepAliveInterval time.Duration
	KeepAliveCount    int

	// AckTimeout ends a connection with ErrNoAnswer if its peer acknowledges nothing,
	// for this time, of what was sent. It notices a peer that dies while something is on
	// its way to it. The system does this, on Linux only (TCP_USER_TIMEOUT). It counts
	// from the moment at which it first repeats something: mostly within a second, on a
	// network that loses packets within some seconds. On other systems such a peer is
	// noticed when the system gives up, after minutes, or by WriteTimeout. A peer that
	// answers but has no room, because its program takes nothing, is left to
	// WriteTimeout, even if it dies then. AckTimeout holds for the same connections as
	// KeepAliveIdle. Negative: none. Default: 10 seconds.
	AckTimeout time.Duration

	// MaxConnections bounds the connections accepted through all rendezvous of the
	// manager. Each counts until its socket is closed, which may be up to CloseTimeout
	// after the program has closed it. One more is accepted and closed at once, with a
	// reset. It protects descriptors and memory. For this and the following limits 0,
	// the default, means none. The limits on accepting do not hold for AdoptConnection.
	MaxConnections int

	// MaxConnectionsPerAddress bounds the connections of each IPv4 address in the same
	// way, and of each /64 of IPv6, because one subscriber may have all of a /64. It
	// protects the places of the other players from one peer. Many players may share an
	// address, so leave room for a school or a mobile network. A peer without an IP
	// address, at an adopted rendezvous, counts for MaxConnections only.
	MaxConnectionsPerAddress int

	// MaxAcceptsPerSecond bounds how many connections an address, as above, may open in
	// a second; RateBurst says how many at once. Those beyond it are refused in the same
	// way. It protects the program from peers that come and go all the time.
	MaxAcceptsPerSecond int

	// FirstDatagramTimeout ends a connection that was accepted or adopted, with
	// ErrFirstDatagram, if its first whole datagram does not arrive within this time.
	// It protects the places from peers that hold them and say nothing. Like
	// IdleTimeout it counts only while the library waits for the peer. Default: none.
	FirstDatagramTimeout time.Duration

	// IdleTimeout ends a connection with ErrIdle if nothing arrives from it for this
	// time, not even a part of a datagram. It counts only while the library waits for
	// the peer: a connection that is not read because of MaxReceiveQueue, because of its
	// rate, or because it is in no reader does not end, and the time begins anew
	// afterwards. So a slow program ends nothing. A peer that lives but has nothing to
	// say is idle too: use IdleTimeout if peers send something at least that often.
	// Default: none.
	IdleTimeout time.Duration

	// MaxDatagramsPerSecond and MaxBytesPerSecond, headers included, bound what is
	// received from a TCP connection; RateBurst says how much at once. A peer that sends
	// more is read no faster, so TCP slows it, and nothing is lost. A datagram longer
	// than a burst waits until everything before it is paid for. In raw mode a datagram
	// is what one read returned. They protect the program's time from a flood.
	MaxDatagramsPerSecond int
	MaxBytesPerSecond     int

	// EndFloods ends a connection that exceeds its rate, with ErrFlooding, instead of
	// slowing it. What arrived within the rate is delivered, the rest is not.
	EndFloods bool

	// RateBurst is how much of the rates above may arrive at once: as much as the rate
	// allows in this time. One connection, or one datagram, is always allowed. Default:
	// 1 second.
	RateBurst time.Duration

	// ReportClosed makes the reset queue report the connections that the program closes
	// itself, by CloseConnection, Close or Abort, like all others: once, and after
	// their last datagram has been taken. Their Err is net.ErrClosed, or the reason of
	// an end that came before. So a program has one place at which a player leaves,
	// also for kicks, and until then keeps what belongs to the connection, for the
	// datagrams that are still queued. Close of the manager reports all connections
	// that were open. A rendezvous is not reported. Default: false, as in Panda3D.
	ReportClosed bool

	// Logger is told, at level Debug, of each connection that opens or ends, with its
	// Address, its kind, and the reason of the end. If the handler does not keep up with
	// a burst of these, the rest of the burst is only counted. Refusals are logged at
	// level Warn, separately for each reason in Refusals: one line when a burst begins,
	// and one a minute while it lasts. A burst ends when 10 seconds have passed without
	// a refusal. The handler runs on a goroutine of its own. It may be slow without
	// holding up anything, and may outlive Close of the manager if it takes longer than
	// CloseTimeout. Default: none.
	Logger *slog.Logger

	// PoisonViews overwrites the bytes of each datagram that a loop over Datagrams has
	// yielded, with 0xDB, when the step of the loop is over. So a program that keeps a
	// datagram, or a slice of its bytes, without Clone finds nonsense in it at once and
	// not only now and then; and the race detector tells if another goroutine kept it.
	// It is for tests, and package queuednettest turns it on. It costs a write for each
	// byte received, and nothing if it is off. Default: false.
	PoisonViews bool

	// IPv4Only restricts listening and the look-up of names to IPv4; an IPv6 address is
	// an error then. It is the reverse of Panda3D's support-ipv6. Default: false.
	IPv4Only bool

	// LocalAddress is the address of this machine from which OpenTCPClientConnection
	// and BeginTCPClientConnection connect, and so decides the version of IP that they
	// use. Its port is usually 0, the system's choice, because any other serves one
	// connection at a time. For a rendezvous or a UDP socket the address is an argument
	// of the call. Default: the system's choice.
	LocalAddress NetAddress

	// Control is called for each socket that the library opens, TCP and UDP, after the
	// socket is created and before it is bound, like the Control of net.Dialer and of
	// net.ListenConfig. It can set SO_REUSEPORT, SO_BINDTODEVICE, IP_MULTICAST_IF and
	// the like. The network is "tcp4", "tcp6", "udp4" or "udp6"; the address is that of
	// the peer for a client, and otherwise that of the socket. It is not called for
	// accepted and adopted sockets. Its error becomes the error of the call that opens.
	// It runs on the goroutine of that call or on one of the library, which waits for
	// it, and may run on several at a time. Nothing recovers from a panic in it.
	// Default: none.
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

	// maxResetQueue bounds the ends that nobody takes, as Panda3D bounds its queues
	// (net-max-response-queue): a program that never asks for them must not keep in
	// memory every connection it ever had.
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
