//go:build !queuednet_noserver

package cluster

import (
	"crypto/tls"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What servers of others ask for: certificates, keys, tokens of an operator, permissions. Each lets in
// whom it should, and tells the others why not.

// talk opens two nodes that the servers let in, and has them say something.
func talk(t *testing.T, s *server.Server, change func(*Config)) []*member {
	t.Helper()
	nodes := externalNodes(t, s.ClientURL(), 2, change)
	nodes[1].Group("zone").Watch()
	hears(t, "zone", nodes[0], nodes[1])
	nodes[0].tell(nodes[1].Self(), "directed")
	nodes[1].until("a directed message", func() bool { return contains(nodes[1].messages, "to:directed") })
	return nodes
}

// refused opens a node that the servers refuse, and returns why it ends.
func refused(t *testing.T, s *server.Server, change func(*Config)) error {
	t.Helper()
	config := quick(Config{Number: 9, Servers: []string{s.ClientURL()}})
	change(config)
	n := open(t, config)
	n.until("its end", func() bool { return n.saw(Ended, 0) == 1 })
	assert.ErrorIs(t, n.Err(), ErrCredentials)
	ended := slices.IndexFunc(n.events, func(e Event) bool { return e.Kind == Ended }) // others may come after it
	assert.Equal(t, n.Err(), n.events[ended].Err)
	assert.Equal(t, n.Err(), n.Group("zone").Broadcast(nil, &queuednet.Datagram{}))
	require.NoError(t, n.Close())
	return n.events[ended].Err
}

// outside opens a node that finds no way to the servers, and returns why.
func outside(t *testing.T, s *server.Server, config *tls.Config) error {
	t.Helper()
	n := open(t, quick(Config{Number: 9, Servers: []string{s.ClientURL()}, TLS: config}))
	n.until("the reason", func() bool { return n.saw(Disconnected, 0) == 1 })
	assert.NoError(t, n.Err(), "it goes on trying")
	assert.False(t, n.Connected())
	err := n.events[len(n.events)-1].Err
	began := time.Now()
	require.NoError(t, n.Close())
	assert.Less(t, time.Since(began), n.config.CloseTimeout)
	return err
}

// The servers verify the nodes, and these the servers.
func TestExternalTLS(t *testing.T) {
	ours, theirs := authority(t), authority(t)
	s := externalServer(t, &server.Options{
		TLS: true, TLSVerify: true, TLSTimeout: 2,
		TLSConfig: &tls.Config{Certificates: ours.Certificates, ClientCAs: ours.RootCAs, ClientAuth: tls.RequireAndVerifyClientCert},
	})
	talk(t, s, func(c *Config) { c.TLS = ours })
	var unknown *tls.CertificateVerificationError
	assert.ErrorAs(t, outside(t, s, theirs), &unknown, "servers of another authority")
	assert.ErrorAs(t, outside(t, s, nil), &unknown, "servers of an authority that the system does not know")
	assert.ErrorContains(t, outside(t, s, &tls.Config{RootCAs: ours.RootCAs}), "tls")
	assert.ErrorContains(t, outside(t, s, &tls.Config{RootCAs: ours.RootCAs, Certificates: theirs.Certificates}), "tls")
	plain := externalServer(t, nil)
	assert.ErrorContains(t, outside(t, plain, ours), "secure connection not available")
}

// Nodes have a key whose public half the servers know.
func TestExternalNkey(t *testing.T) {
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	s := externalServer(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	talk(t, s, func(c *Config) { c.Secret = seedOf(t, pair) })
	other, err := nkeys.CreateUser()
	require.NoError(t, err)
	assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = seedOf(t, other) }), "Authorization Violation")
	assert.ErrorContains(t, refused(t, s, func(c *Config) {}), "Authorization Violation")
	plain := externalServer(t, nil)
	assert.ErrorContains(t, refused(t, plain, func(c *Config) { c.Secret = seedOf(t, pair) }), "nkeys not supported")
}

func seedOf(t *testing.T, pair nkeys.KeyPair) string {
	seed, err := pair.Seed()
	require.NoError(t, err)
	return string(seed)
}

// An operator is who says which accounts there are; these say which users.
type operator struct {
	t       *testing.T
	key     nkeys.KeyPair
	claims  *jwt.OperatorClaims
	answers *server.MemAccResolver
}

func newOperator(t *testing.T) *operator {
	key, err := nkeys.CreateOperator()
	require.NoError(t, err)
	public, err := key.PublicKey()
	require.NoError(t, err)
	return &operator{t, key, jwt.NewOperatorClaims(public), &server.MemAccResolver{}}
}

func (o *operator) server() *server.Server {
	return externalServer(o.t, &server.Options{TrustedOperators: []*jwt.OperatorClaims{o.claims}, AccountResolver: o.answers})
}

// account makes an account that the servers know.
func (o *operator) account() nkeys.KeyPair {
	key, err := nkeys.CreateAccount()
	require.NoError(o.t, err)
	public, err := key.PublicKey()
	require.NoError(o.t, err)
	token, err := jwt.NewAccountClaims(public).Encode(o.key)
	require.NoError(o.t, err)
	require.NoError(o.t, o.answers.Store(public, token))
	return key
}

// credentials are the text of a file for a user of an account.
func (o *operator) credentials(account nkeys.KeyPair, change func(*jwt.UserClaims)) string {
	key, err := nkeys.CreateUser()
	require.NoError(o.t, err)
	public, err := key.PublicKey()
	require.NoError(o.t, err)
	claims := jwt.NewUserClaims(public)
	change(claims)
	token, err := claims.Encode(account)
	require.NoError(o.t, err)
	seed, err := key.Seed()
	require.NoError(o.t, err)
	text, err := jwt.FormatUserConfig(token, seed)
	require.NoError(o.t, err)
	return string(text)
}

// Nodes have the credentials of an operator's account, with the permissions that CLUSTER.md names.
func TestExternalJWT(t *testing.T) {
	o := newOperator(t)
	s, account := o.server(), o.account()
	permitted := func(c *jwt.UserClaims) {
		c.Permissions.Pub.Allow.Add("queuednet.>")
		c.Permissions.Sub.Allow.Add("queuednet.>")
	}
	credentials := o.credentials(account, permitted)
	nodes := talk(t, s, func(c *Config) { c.Secret, c.CloseTimeout = credentials, time.Second }) // one dies, see below

	tenant := o.credentials(o.account(), permitted)
	alone := open(t, quick(Config{Number: 7, Servers: []string{s.ClientURL()}, Secret: tenant}))
	alone.until("connected", alone.Connected)
	alone.Group("zone").Watch()
	twin := open(t, quick(Config{Number: 8, Servers: []string{s.ClientURL()}, Secret: tenant}))
	know(t, alone, twin)
	hears(t, "zone", twin, alone)
	assert.Zero(t, alone.saw(NodeJoined, 1), "another account hears nothing")
	nodes[0].poll()
	assert.Zero(t, nodes[0].saw(NodeJoined, 7))

	stranger := newOperator(t)
	for what, secret := range map[string]string{
		"another operator's": stranger.credentials(stranger.account(), permitted),
		"those that are over": o.credentials(account, func(c *jwt.UserClaims) {
			c.Expires = time.Now().Add(-time.Minute).Unix()
		}),
		"none": "",
	} {
		assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = secret }), "Authorization Violation", what)
	}
	soon := o.credentials(account, func(c *jwt.UserClaims) { c.Expires = time.Now().Add(2 * time.Second).Unix() })
	assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = soon }), "uth", "those that expire")

	_, err := Open(&Config{Number: 1, Servers: []string{s.ClientURL()}, Secret: credentials[:200]})
	var bad *ConfigError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "Secret", bad.Field)
}

// A node that may not send or hear what it has to ends, and says which subject it was.
func TestExternalPermissions(t *testing.T) {
	all := &server.SubjectPermission{Allow: []string{"queuednet.>"}}
	game, other := server.NewAccount("game"), server.NewAccount("other")
	permissions := func(publish, subscribe *server.SubjectPermission) *server.Permissions {
		return &server.Permissions{Publish: publish, Subscribe: subscribe}
	}
	none, some := &server.SubjectPermission{Deny: []string{">"}}, &server.SubjectPermission{Allow: []string{"queuednet.hb", "queuednet.n.*"}}
	s := externalServer(t, &server.Options{Accounts: []*server.Account{game, other}, Users: []*server.User{
		{Username: "node", Password: "p", Account: game, Permissions: permissions(all, all)},
		{Username: "mute", Password: "p", Account: game, Permissions: permissions(none, all)},
		{Username: "deaf", Password: "p", Account: game, Permissions: permissions(all, none)},
		{Username: "groupless", Password: "p", Account: game, Permissions: permissions(some, all)},
		{Username: "other", Password: "p", Account: other},
	}})
	nodes := talk(t, s, func(c *Config) { c.Secret = "node:p" })
	assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = "mute:p" }), `Publish to "queuednet.hb"`)
	assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = "deaf:p" }), `Subscription to "queuednet.`)
	assert.ErrorContains(t, refused(t, s, func(c *Config) { c.Secret = "node:p"; c.Cluster = "elsewhere" }), `"elsewhere.`)

	n := open(t, quick(Config{Number: 9, Servers: []string{s.ClientURL()}, Secret: "groupless:p"}))
	know(t, nodes[0], n)
	n.say("zone", "not permitted")
	n.until("its end", func() bool { return errors.Is(n.Err(), ErrCredentials) })
	assert.ErrorContains(t, n.Err(), `Publish to "queuednet.g.zone"`)

	alone := open(t, quick(Config{Number: 9, Servers: []string{s.ClientURL()}, Secret: "other:p"}))
	alone.until("connected", alone.Connected)
}

// A server's refusal is one in each form that nats.go gives it.
func TestRefusals(t *testing.T) {
	for _, err := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
		errors.New("nats: Authorization Violation"), errors.New("nats: User Authentication Expired"),
		errors.New("nats: Account Authentication Expired"), errors.New("nats: User Authentication Revoked"),
	} {
		assert.ErrorIs(t, reason(err), ErrCredentials)
		assert.ErrorIs(t, reason(err), err)
	}
	assert.NotErrorIs(t, reason(nats.ErrStaleConnection), ErrCredentials)
}
