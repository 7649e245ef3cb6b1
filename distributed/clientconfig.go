package distributed

import (
	"errors"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed/dc"
)

// ClientConfig holds the settings of a [ClientRepository]. A nil ClientConfig and the
// zero value of each field mean the default in its comment. The repository copies it.
type ClientConfig struct {
	// Net has the settings of the connection. Default: those of [queuednet.Config].
	Net *queuednet.Config

	// SpareLastID keeps the last id of the range unused: Panda3D's server takes it for
	// one of the next client's. That matters only to a program that creates as many
	// objects as its range has ids. Default: the last id is used, after all others.
	SpareLastID bool

	// HandleField gives an object the arguments of a field, named by its number, without
	// reflection. The command dc generate (cmd/dc) writes such a function for a DC file,
	// which must be the one that the repository is made with. If it reports false,
	// because it has no method for the field, the method is found by reflection.
	// Default: all methods are found by reflection.
	HandleField func(object any, field int, args []byte) (handled bool, err error)

	// Now is the clock of TimeManager and of SmoothNode. Default: time.Now.
	Now func() time.Time
}

// The errors of calls on a ClientRepository or an object.
var (
	// ErrNotConnected is the answer to a call that needs a connection to a server.
	ErrNotConnected = errors.New("distributed: not connected")
	// ErrConnected is the answer to connecting while the repository is connected.
	ErrConnected = errors.New("distributed: connected already")
	// ErrNoIDs is the answer to creating an object before the server has given a
	// range of ids, or when all ids are in use.
	ErrNoIDs = errors.New("distributed: no id is left")
	// ErrUnknownClass is the answer to a class that is not in the DC file, or that
	// was not registered.
	ErrUnknownClass = errors.New("distributed: unknown class")
	// ErrUnknownField is the answer to a field that the class does not have.
	ErrUnknownField = errors.New("distributed: unknown field")
	// ErrNotLocal is the answer to a call that only the owner of an object may make.
	ErrNotLocal = errors.New("distributed: the object is another's")
	// ErrNoObject is the answer to an object that is not one of the repository, or
	// that is being deleted.
	ErrNoObject = errors.New("distributed: no object of this repository")
)

// A ClientEventKind says what a [ClientEvent] is about.
type ClientEventKind int

const (
	// Connected: the connection is there. What the server sends arrives.
	Connected ClientEventKind = iota
	// ConnectFailed: there is no connection. Err says why.
	ConnectFailed
	// CreateReady: the server has given a range of ids: objects can be created.
	CreateReady
	// ConnectionLost: the connection has ended. Err says why. All objects are gone.
	ConnectionLost
	// Generated and Deleted: an object of another client has come into sight; an object
	// has gone, out of sight or for good.
	Generated
	Deleted
	// MessageIgnored: a message of the server could not be used. Err says why.
	MessageIgnored
	// MethodFailed: a method of an object returned an error.
	MethodFailed
)

var clientEventNames = [...]string{
	"connected", "connect failed", "create ready", "connection lost", "object generated", "object deleted",
	"message ignored", "method failed",
}

// String returns the kind in words.
func (k ClientEventKind) String() string { return clientEventNames[k] }

// A ClientEvent is something that happened during an Update of a [ClientRepository].
type ClientEvent struct {
	Kind   ClientEventKind
	Object Object    // that the event is about, nil if there is none
	Field  *dc.Field // whose method failed
	Err    error
}

func (c *ClientConfig) withDefaults() ClientConfig {
	var config ClientConfig
	if c != nil {
		config = *c
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return config
}
