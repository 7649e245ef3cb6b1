package distributed

import (
	"log/slog"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed/dc"
)

// ServerConfig holds the settings of a [ServerRepository]. A nil ServerConfig and the
// zero value of each field mean the default in its comment. The repository copies it.
type ServerConfig struct {
	// Net has the settings of the connections: limits on who may connect and how fast a
	// client may send (MaxDatagramsPerSecond), TCPHeaderSize, TLS aside. Default: those
	// of [queuednet.Config] but for MaxDatagramsPerSecond, which is 20,000 so that one
	// client cannot take all of the server's time. If Net is set, its fields hold as
	// they are, and a limit of 0 is none.
	Net *queuednet.Config

	// IDRange is how many object ids each client may use. It is Panda3D's
	// server-doid-range. Default: 1,000,000, which leaves room for 4,294 clients.
	IDRange uint32

	// MaxClients bounds the clients, including those that wait in Joins. Any more are
	// refused. Default: as many as there are ranges of ids.
	MaxClients int

	// MaxObjectsPerClient bounds the objects of each client. A generate beyond it is
	// dropped. Default: 10,000.
	MaxObjectsPerClient int

	// MaxZonesPerClient bounds the zones that one message of interest may list; a zone
	// that is listed twice counts twice. A message that lists more is dropped, and the
	// client's interest stays as it was. Default: 20,000.
	MaxZonesPerClient int

	// MaxOpenedPerSecond bounds what the openings of a client cost the server and the
	// owners of objects: the zones that it opens in a second, by its interest or with
	// objects of its own, plus the objects in them. Ten seconds' worth may come at once,
	// and an opening that begins within the bound is never too large. Beyond it a change
	// of interest waits, and of several only the last is kept; a message that opens a
	// zone with an object is dropped. A repository in the server's process has no such
	// bound. Default: 10,000.
	MaxOpenedPerSecond int

	// MaxWaitingBytes bounds what a client that waits in Joins may send before
	// the program has accepted it. One that sends more is refused. Default: 64 KiB.
	MaxWaitingBytes int

	// HoldJoins makes new clients wait in [ServerRepository.Joins] until the
	// program accepts them: until then they get no range of ids, and what they
	// send is held. Default: every client is accepted at once.
	HoldJoins bool

	// JoinTimeout is how long a client may wait in Joins before it is refused.
	// Default: 10 seconds.
	JoinTimeout time.Duration

	// AllowGenerate is asked before an object is created, moved by a generate or
	// generated again, and AllowMove before a set zone; an error drops the
	// message, and nothing happens. AllowUpdate is asked before a field is passed
	// on. All are called inside Update, on the program's own goroutine, with
	// values that are valid during the call only, and must not call methods of
	// the repository. Default: everything is allowed.
	AllowGenerate func(c *Client, g Generate) error
	AllowMove     func(c *Client, doID, zone uint32) error
	AllowUpdate   func(c *Client, u FieldUpdate) error

	// RelayUnchecked passes on the arguments of fields as they arrive. Panda3D's server
	// does so, and a malformed one crashes its clients. Default: arguments that do not
	// unpack, text that is not UTF-8 included, are dropped.
	RelayUnchecked bool

	// RepairRequired leaves required fields that are not broadcast out of the generates
	// that clients get. Panda3D's clients send them, but do not expect them, and misread
	// the rest. It needs the check that RelayUnchecked turns off, and keeps it on.
	// Default: generates are passed on as they arrive.
	RepairRequired bool

	// AskAll makes generates as costly as on Panda3D's server: when a client opens a
	// zone, all clients of the zone are asked for their objects, and all get the
	// answers. Default: only clients that own an object there are asked, and only those
	// that need an answer get it.
	AskAll bool

	// CacheFields makes the repository keep the required and ram fields of all objects.
	// It then answers a client that opens a zone itself, without asking the owners. It
	// costs memory, MaxCachedBytes a client, and changes that owners did not send are missing. It keeps the check
	// of fields on. Default: the owners answer, as with Panda3D.
	CacheFields bool

	// MaxCachedBytes bounds what CacheFields keeps of each client's objects; a repository in
	// the server's process has no such bound. What is kept of one object must also fit a
	// message. A generate or an update beyond it is dropped. Default: 16 MiB.
	MaxCachedBytes int

	// Processes connects this repository with those of other processes, so that they
	// are one server to their clients. Default: there are none.
	Processes Processes

	// Logger is told, at level Warn, why messages were dropped and clients
	// refused: one line a second for each client, with how many more there were.
	// It is told too of processes that are not heard, because of ErrOtherWorld. Its handler runs on the program's goroutine. Default: none.
	Logger *slog.Logger
}

// A Generate is a message that makes an object appear, as [ServerConfig.AllowGenerate]
// sees it.
type Generate struct {
	DoID   uint32
	Class  *dc.Class
	Zone   uint32
	New    bool   // the server does not have the object yet
	Fields []byte // packed: all required fields, then the number and the values of others
}

// A FieldUpdate is a message with new values of a field, as [ServerConfig.AllowUpdate]
// sees it. Field.Unpack(Args) gives the values.
type FieldUpdate struct {
	DoID   uint32
	Zone   uint32 // of the object
	Owner  *Client
	Target uint32 // of a targeted update, else 0: whom it is for
	Field  *dc.Field
	Args   []byte
}

// The defaults of ServerConfig.
const (
	defaultIDRange             = 1_000_000
	defaultMaxObjectsPerClient = 10_000
	defaultMaxZonesPerClient   = 20_000
	defaultMaxOpenedPerSecond  = 10_000
	defaultMaxWaitingBytes     = 64 << 10
	defaultMaxCachedBytes      = 16 << 20
	defaultJoinTimeout         = 10 * time.Second
	defaultMessageRate         = 20_000
)

// withDefaults returns a copy with all defaults filled in.
func (c *ServerConfig) withDefaults() ServerConfig {
	var config ServerConfig
	if c != nil {
		config = *c
	}
	var network queuednet.Config
	if config.Net != nil {
		network = *config.Net
	} else {
		network.MaxDatagramsPerSecond = defaultMessageRate
	}
	config.Net = &network
	if config.IDRange == 0 {
		config.IDRange = defaultIDRange
	}
	if config.MaxObjectsPerClient == 0 {
		config.MaxObjectsPerClient = defaultMaxObjectsPerClient
	}
	if config.MaxZonesPerClient == 0 {
		config.MaxZonesPerClient = defaultMaxZonesPerClient
	}
	if config.MaxOpenedPerSecond == 0 {
		config.MaxOpenedPerSecond = defaultMaxOpenedPerSecond
	}
	if config.MaxWaitingBytes == 0 {
		config.MaxWaitingBytes = defaultMaxWaitingBytes
	}
	if config.MaxCachedBytes == 0 {
		config.MaxCachedBytes = defaultMaxCachedBytes
	}
	if config.JoinTimeout == 0 {
		config.JoinTimeout = defaultJoinTimeout
	}
	if config.CacheFields || config.RepairRequired {
		config.RelayUnchecked = false
	}
	if config.Processes == nil {
		config.Processes = newOneProcess(config.IDRange)
	}
	return config
}

// validate names the first field with an impossible value.
func (c *ServerConfig) validate() error {
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"MaxClients", int64(c.MaxClients)},
		{"MaxObjectsPerClient", int64(c.MaxObjectsPerClient)},
		{"MaxZonesPerClient", int64(c.MaxZonesPerClient)},
		{"MaxOpenedPerSecond", int64(c.MaxOpenedPerSecond)},
		{"MaxWaitingBytes", int64(c.MaxWaitingBytes)},
		{"MaxCachedBytes", int64(c.MaxCachedBytes)},
		{"JoinTimeout", int64(c.JoinTimeout)},
	} {
		if field.value < 0 {
			return &queuednet.ConfigError{Field: field.name, Value: field.value}
		}
	}
	if c.IDRange < 2 {
		return &queuednet.ConfigError{Field: "IDRange", Value: c.IDRange}
	}
	return nil
}
