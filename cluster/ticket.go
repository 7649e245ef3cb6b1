package cluster

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// Why a ticket is not redeemed.
var (
	// ErrTicketForged is for bytes that are no ticket of this cluster.
	ErrTicketForged = errors.New("cluster: not a ticket of this cluster")

	// ErrTicketExpired is for one whose time is over.
	ErrTicketExpired = errors.New("cluster: the ticket has expired")

	// ErrTicketUsed is for one that was redeemed, or is at this moment elsewhere, or whose
	// session has moved or ended since.
	ErrTicketUsed = errors.New("cluster: the ticket has been used")

	// ErrTicketUndecided is for one about which a node that is there did not answer in
	// time. It is not used: the player may try again.
	ErrTicketUndecided = errors.New("cluster: another node has not answered")

	// ErrTicketKey is for a node without Config.TicketKey, whose Secret is not long enough
	// to be one: a ticket would let its owner guess the secret.
	ErrTicketKey = errors.New("cluster: no key for tickets")

	// ErrTicketSize is for data of a ticket, or a state, that is too long.
	ErrTicketSize = errors.New("cluster: too long for a ticket")

	// ErrTicketPending is for one that is being redeemed.
	ErrTicketPending = errors.New("cluster: still asking the other nodes")

	// ErrNoSession is for a session that is not at this node.
	ErrNoSession = errors.New("cluster: the session is not here")
)

// A SessionID names a player's stay in the cluster, on whichever node.
type SessionID [16]byte

// NewSessionID returns one that nobody can guess.
func NewSessionID() (id SessionID) {
	rand.Read(id[:])
	return id
}

// String returns it in hexadecimal digits.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

const (
	// MaxTicketAge is the longest time for which a ticket is good.
	MaxTicketAge = time.Hour

	// MaxTicketData is the longest data of a ticket, in bytes.
	MaxTicketData = 1024

	minTicketKey = 32
)

// A ticket is what is sealed.
type ticket struct {
	id         SessionID
	generation uint32 // of the session: a ticket that is redeemed makes those up to its own worthless
	expires    int64  // in seconds since 1970
	issuer     Address
	data       []byte
}

// newSealer returns what seals tickets, nil without a key.
func newSealer(c *Config) cipher.AEAD {
	secret := []byte(c.TicketKey)
	switch {
	case len(secret) > 0:
	case c.alone():
		secret = make([]byte, minTicketKey)
		rand.Read(secret)
	case len(c.Servers) == 0 && len(c.Secret) >= minTicketKey:
		secret = []byte(c.Secret)
	default:
		return nil
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "queuednet cluster ticket "+c.Cluster, 32)
	if err != nil {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil
	}
	return sealer
}

const ticketVersion = 1

func (t *ticket) seal(sealer cipher.AEAD) []byte {
	b := append([]byte(nil), t.id[:]...)
	b = binary.LittleEndian.AppendUint32(b, t.generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.expires))
	b = binary.LittleEndian.AppendUint16(b, t.issuer.Node)
	b = binary.LittleEndian.AppendUint64(b, t.issuer.Incarnation)
	b = append(b, t.data...)
	return sealer.Seal([]byte{ticketVersion}, nil, b, nil)
}

func openTicket(sealer cipher.AEAD, b []byte) (t ticket, err error) {
	if len(b) == 0 || b[0] != ticketVersion {
		return t, ErrTicketForged
	}
	plain, err := sealer.Open(nil, nil, b[1:], nil)
	if err != nil {
		return t, ErrTicketForged
	}
	f := fields{b: plain}
	copy(t.id[:], f.take(len(t.id)))
	t.generation = f.uint32()
	t.expires = int64(f.uint64())
	t.issuer = Address{Node: f.uint16(), Incarnation: f.uint64()}
	t.data = f.b
	if f.failed {
		return ticket{}, ErrTicketForged
	}
	return t, nil
}
