package cluster

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"os"
	"time"
)

// Config holds the settings of a Node. A nil Config and the zero value of each field
// mean the default in its comment. Open copies it. An impossible value makes Open fail
// with a *ConfigError that names the field: among others a negative one.
type Config struct {
	// Number is the node's own in the cluster, 1 to 4,095: the ordinal of a StatefulSet
	// plus one, a flag. No two nodes may have the same at a time: the younger ends with
	// ErrDuplicateNumber as soon as it hears the older. 0, the default, is for a node
	// that is alone.
	Number uint16

	// Name is for people, at most 255 bytes. Default: the name of the host.
	Name string

	// Cluster is the name of the cluster, at most 64 letters, digits, '-' and '_'. All
	// subjects begin with it, so that two clusters may share external servers.
	// Default: "queuednet".
	Cluster string

	// Listen is the address, "host:port", at which the embedded server expects the
	// routes of other nodes; port 0 is the system's choice, see Node.ListenAddress.
	// Where neither it nor Servers is set the node is alone: no server is
	// started and no port is open. Default: none.
	Listen string

	// Routes are addresses, "host:port", of other nodes' Listen: one that lives is
	// enough, the others are learned from it. The node's own may be among them.
	// They need Listen. Default: none.
	Routes []string

	// Advertise is the address, "host:port", by which other nodes reach Listen, where
	// it is not the one that they see: behind an address translation. Default: none.
	Advertise string

	// Servers are the URLs of external NATS servers, such as "tls://nats.example:4222",
	// to use instead of an embedded one. Default: none.
	Servers []string

	// TLS is for the routes of embedded servers: Certificates, RootCAs and, if they
	// differ, ClientCAs. Both ends of a route verify each other, with TLS 1.3. With
	// Servers it is for the connection to them. Default: none.
	TLS *tls.Config

	// Secret is the password of the routes, the same on all nodes. With Servers it
	// is what these ask for: "user:password", a token, an nkey's seed ("SU…"), or the
	// text of a credentials file, which has a user's JWT and its seed. Default: none.
	Secret string

	// TicketKey is what tickets are sealed with, the same on all nodes: 32 bytes or
	// more of a random generator. Default: derived from Secret on embedded servers, if
	// that has 32 bytes too; a random one on a node that is alone; else none.
	TicketKey string

	// Insecure allows what is an error else: Listen or Routes that are not on the
	// loopback, without TLS or without Secret. Whoever reaches the port of such a node
	// can do anything in its cluster. Default: false.
	Insecure bool

	// MaxSendQueue bounds the bytes that NATS has not taken yet. Beyond it what is sent
	// to other nodes is refused with ErrSendQueueFull. Default: 8 MiB.
	MaxSendQueue int

	// MaxReceiveQueue bounds the bytes that the program has not taken yet; each NATS
	// message counts 256 more than it has. One node may have half of it. Beyond it
	// what arrives is dropped, counted in Stats, and reported as Overflow and Gap.
	// Default: 32 MiB.
	MaxReceiveQueue int

	// MaxMessageSize is the longest message in bytes that is sent, and accepted from
	// another node. At most 1,000,000. Default: 128 KiB, so that the longest datagram of a
	// player fits with what a node adds to it.
	MaxMessageSize int

	// MaxPublishRate bounds the bytes that are sent to other nodes in a second, where
	// each NATS message, which holds one message or up to 32 KiB of neighbours
	// to the same group, counts 1,024 more than it has, for the work that it is. A
	// quarter of a second's may come at once.
	// Beyond it what is sent is refused with ErrPublishRate. Embedded servers slow
	// nobody down, they lose what a receiver cannot take: set it to what the network and
	// the nodes carry, less where a message goes to many nodes. Default: 200,000,000.
	MaxPublishRate int

	// MaxAge is how long a message may wait in the send queue: what has waited longer
	// is dropped, counted in Stats, and a Gap for the others. Default: 2 seconds.
	MaxAge time.Duration

	// Heartbeat is how often a node tells that it lives, and DeadAfter how long after
	// its last sign of life it is taken for dead, at least two heartbeats. They
	// must be the same on all nodes. Defaults: 500 ms and 2 seconds.
	Heartbeat time.Duration
	DeadAfter time.Duration

	// CloseTimeout bounds how long Close takes. Default: 5 seconds.
	CloseTimeout time.Duration

	// Logger is told of nodes that come and go, at level Info, of the connection to the
	// servers and of refused routes and invalid messages, at level Warn. Its handler runs
	// on goroutines of the node: while it waits nothing is received. Default: none.
	Logger *slog.Logger
}

const (
	maxNumber      = 4095
	maxMessageSize = 1_000_000 // below NATS's own 1 MiB
)

// alone reports whether there is nobody to talk to.
func (c *Config) alone() bool { return c.Listen == "" && len(c.Servers) == 0 }

// withDefaults returns a copy with the defaults filled in, or a *ConfigError.
func (c *Config) withDefaults() (Config, error) {
	var config Config
	if c != nil {
		config = *c
	}
	if config.Name == "" {
		config.Name, _ = os.Hostname()
		config.Name = config.Name[:min(len(config.Name), 255)]
	}
	orDefault(&config.Cluster, "queuednet")
	orDefault(&config.MaxSendQueue, 8<<20)
	orDefault(&config.MaxReceiveQueue, 32<<20)
	orDefault(&config.MaxMessageSize, 128<<10)
	orDefault(&config.MaxPublishRate, 200_000_000)
	orDefault(&config.MaxAge, 2*time.Second)
	orDefault(&config.Heartbeat, 500*time.Millisecond)
	orDefault(&config.DeadAfter, max(2*time.Second, 2*config.Heartbeat))
	orDefault(&config.CloseTimeout, 5*time.Second)
	for _, check := range []func(*Config) error{checkNames, checkSizes, checkTimes, checkPlaces, checkSecurity} {
		if err := check(&config); err != nil {
			return config, err
		}
	}
	return config, nil
}

func checkNames(c *Config) error {
	switch {
	case c.Number > maxNumber:
		return &ConfigError{"Number", c.Number, "it is at most 4095"}
	case c.Number == 0 && !c.alone():
		return &ConfigError{"Number", c.Number, "a node that is not alone needs one"}
	case len(c.Name) > 255:
		return &ConfigError{"Name", c.Name, "it is too long"}
	case c.TicketKey != "" && len(c.TicketKey) < minTicketKey:
		return &ConfigError{"TicketKey", "(a key)", "it is shorter than 32 bytes"}
	case len(c.Cluster) > 64:
		return &ConfigError{"Cluster", c.Cluster, "it is too long"}
	}
	for i := range len(c.Cluster) {
		if b := c.Cluster[i]; !isPlain(b) {
			return &ConfigError{"Cluster", c.Cluster, "only letters, digits, '-' and '_'"}
		}
	}
	return nil
}

func checkSizes(c *Config) error {
	for _, field := range []struct {
		name  string
		value int
	}{
		{"MaxSendQueue", c.MaxSendQueue},
		{"MaxReceiveQueue", c.MaxReceiveQueue},
		{"MaxMessageSize", c.MaxMessageSize},
		{"MaxPublishRate", c.MaxPublishRate},
	} {
		if field.value < 0 || int64(field.value) > math.MaxInt32 {
			return &ConfigError{Field: field.name, Value: field.value}
		}
	}
	if c.MaxMessageSize > maxMessageSize {
		return &ConfigError{"MaxMessageSize", c.MaxMessageSize, "it is at most 1000000"}
	}
	return nil
}

func checkTimes(c *Config) error {
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"MaxAge", c.MaxAge},
		{"Heartbeat", c.Heartbeat},
		{"DeadAfter", c.DeadAfter},
		{"CloseTimeout", c.CloseTimeout},
	} {
		if field.value < time.Millisecond || field.value > 24*time.Hour {
			return &ConfigError{field.name, field.value, "it is between a millisecond and a day"}
		}
	}
	if c.DeadAfter < 2*c.Heartbeat {
		return &ConfigError{"DeadAfter", c.DeadAfter, "it is less than two heartbeats"}
	}
	return nil
}

func checkPlaces(c *Config) error {
	switch {
	case len(c.Servers) > 0 && c.Listen != "":
		return &ConfigError{"Listen", c.Listen, "there are Servers"}
	case len(c.Routes) > 0 && c.Listen == "":
		return &ConfigError{"Routes", c.Routes, "they need Listen"}
	}
	for _, address := range append(c.Routes[:len(c.Routes):len(c.Routes)], c.Advertise) {
		if _, _, err := net.SplitHostPort(address); err != nil && address != "" {
			return &ConfigError{"Routes", address, err.Error()}
		}
	}
	if c.Listen != "" {
		if _, err := net.ResolveTCPAddr("tcp", c.Listen); err != nil {
			return &ConfigError{"Listen", c.Listen, err.Error()}
		}
	}
	return nil
}

// checkSecurity refuses what would leave the cluster open to whoever comes along.
func checkSecurity(c *Config) error {
	if c.Insecure || c.Listen == "" {
		return nil
	}
	if c.TLS != nil && c.TLS.InsecureSkipVerify {
		return &ConfigError{"TLS", "InsecureSkipVerify", "the routes would be open to others"}
	}
	if c.TLS != nil && c.Secret != "" {
		return nil
	}
	for _, address := range append(c.Routes[:len(c.Routes):len(c.Routes)], c.Listen) {
		host, _, _ := net.SplitHostPort(address)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return &ConfigError{"Listen", address, "it is not on the loopback, and needs TLS and Secret, or Insecure"}
		}
	}
	return nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
