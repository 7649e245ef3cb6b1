package queuednet

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zeroValues are the exported types that have methods, each as a pointer to its
// zero value.
var zeroValues = []any{
	new(Connection), new(QueuedConnectionManager), new(QueuedConnectionListener),
	new(QueuedConnectionReader), new(RecentConnectionReader), new(ConnectionWriter),
	new(PendingConnection), new(Datagram), new(DatagramIterator), new(NetDatagram),
	new(NetAddress), new(Interface), new(FieldError), new(DatagramTooLongError), new(ConfigError),
}

// nilSafe are the methods that answer on a nil pointer too.
var nilSafe = []func() any{
	func() any { return (*Connection)(nil).String() },
	func() any { return (*Connection)(nil).GoString() },
	func() any { return (*Connection)(nil).LogValue() },
	func() any {
		return fmt.Sprintf("%v %+v %#v %s", (*Connection)(nil), (*Connection)(nil), (*Connection)(nil), (*Connection)(nil))
	},
}

// No exported method panics or waits on a zero value, whatever zero arguments it
// is given. The methods are found by reflection, and the types in the source, so
// that none is forgotten.
func TestZeroValues(t *testing.T) {
	tested := make(map[string]bool)
	for _, value := range zeroValues {
		of := reflect.TypeOf(value)
		tested[of.Elem().Name()] = true
		for i := range of.NumMethod() {
			method := of.Method(i)
			t.Run(of.Elem().Name()+"."+method.Name, func(t *testing.T) { callZero(t, reflect.New(of.Elem()).Method(i)) })
		}
	}
	for name := range exportedReceivers(t) {
		assert.True(t, tested[name], "%s has exported methods and is not in zeroValues", name)
	}
	for _, call := range nilSafe {
		assert.NotPanics(t, func() { call() })
	}
}

// callZero calls a method with zero arguments, twice, and ranges over a sequence
// that it returns.
func callZero(t *testing.T, method reflect.Value) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		arg := reflect.Zero(method.Type().In(i))
		switch arg.Type() {
		case reflect.TypeFor[context.Context]():
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

// exportedReceivers returns the exported types of the package that have exported
// methods, from its source.
func exportedReceivers(t *testing.T) map[string]bool {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	types := make(map[string]bool)
	for _, entry := range files {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Recv == nil || !method.Name.IsExported() {
				continue
			}
			receiver := method.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if name, ok := receiver.(*ast.Ident); ok && name.IsExported() {
				types[name.Name] = true
			}
		}
	}
	return types
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
