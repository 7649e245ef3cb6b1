package queuednet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zeroValues are the exported types, each as a pointer to its zero value.
var zeroValues = []any{
	new(Connection), new(QueuedConnectionManager), new(QueuedConnectionListener),
	new(QueuedConnectionReader), new(RecentConnectionReader), new(ConnectionWriter),
	new(PendingConnection), new(Datagram), new(DatagramIterator), new(NetDatagram),
	new(NetAddress), new(Interface), new(FieldError), new(DatagramTooLongError), new(ConfigError),
	new(Config), new(Refusals), new(UDPDrops), new(ConnectionStats), new(ManagerStats), new(Traffic), new(Ends), new(DrainStats),
}

// No exported method panics or waits on a zero value, whatever zero arguments it
// is given, and none of a Connection on nil. The methods are found by reflection,
// and the types in the source, so that none is forgotten.
func TestZeroValues(t *testing.T) {
	var tested []string
	for _, value := range zeroValues {
		of := reflect.TypeOf(value)
		tested = append(tested, of.Elem().Name())
		for i := range of.NumMethod() {
			method := of.Elem().Name() + "." + of.Method(i).Name
			t.Run(method, func(t *testing.T) { callZero(t, reflect.New(of.Elem()).Method(i)) })
			if of == reflect.TypeFor[*Connection]() {
				t.Run("nil "+method, func(t *testing.T) { callZero(t, reflect.Zero(of).Method(i)) })
			}
		}
	}
	assert.ElementsMatch(t, exportedTypes(t), tested, "zeroValues has every exported type")
}

// callZero calls a method with zero arguments, twice, and ranges over a sequence
// that it returns.
func callZero(t *testing.T, method reflect.Value) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		arg := reflect.Zero(method.Type().In(i))
		if arg.Type() == reflect.TypeFor[context.Context]() {
			arg = reflect.ValueOf(ctx)
		}
		args = append(args, arg)
	}
	if method.Type().IsVariadic() {
		args = args[:len(args)-1]
	}
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		for range 2 {
			for _, result := range method.Call(args) {
				if result.Kind() == reflect.Func && result.Type().CanSeq() && !result.IsNil() {
					for range result.Seq() {
						panic("something in a sequence of nothing")
					}
				}
			}
		}
	}()
	select {
	case panicked := <-done:
		require.Nil(t, panicked)
	case <-time.After(patience):
		require.Fail(t, "it waits")
	}
}

// What a connection is called, in every way of printing, while others change it.
func TestConnectionString(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	raw := dialRaw(t, address)
	conn := e.accept()
	near, far := net.Pipe()
	defer far.Close()
	pipe, err := e.manager.AdoptConnection(near)
	require.NoError(t, err)
	wrapped, _ := e.wrapped()
	var local NetAddress
	require.NoError(t, local.SetLocalhost(0))
	udp, err := e.manager.OpenUDPConnectionAt(local)
	require.NoError(t, err)

	for c, want := range map[*Connection]string{
		conn:       "tcp " + raw.LocalAddr().String(),
		rendezvous: "rendezvous tcp " + address,
		pipe:       "pipe",
		udp:        "udp " + udp.LocalAddress().String(),
		nil:        "nil",
		{}:         "no connection",
	} {
		require.Equal(t, want, c.String())
		for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
			require.Equal(t, want, fmt.Sprintf(verb, c), verb)
		}
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("x", "conn", c)
		require.Contains(t, line.String(), want)
	}
	require.Contains(t, wrapped.String(), "struct { net.Conn }")

	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		return // a system without
	}
	defer listener.Close()
	far, err = net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	defer far.Close()
	near, err = listener.Accept()
	require.NoError(t, err)
	unix, err := e.manager.AdoptConnection(near)
	require.NoError(t, err)
	require.Equal(t, "unix", unix.String())
}
