package conformance_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zeroValues are the exported types, each as a pointer to its zero value.
var zeroValues = []any{
	new(queuednet.Connection), new(queuednet.QueuedConnectionManager), new(queuednet.QueuedConnectionListener),
	new(queuednet.QueuedConnectionReader), new(queuednet.RecentConnectionReader), new(queuednet.ConnectionWriter),
	new(queuednet.PendingConnection), new(queuednet.Datagram), new(queuednet.DatagramIterator), new(queuednet.NetDatagram),
	new(queuednet.NetAddress), new(queuednet.Interface), new(queuednet.FieldError), new(queuednet.DatagramTooLongError), new(queuednet.ConfigError),
	new(queuednet.Config), new(queuednet.Refusals), new(queuednet.UDPDrops), new(queuednet.ConnectionStats), new(queuednet.ManagerStats), new(queuednet.Traffic), new(queuednet.Ends), new(queuednet.DrainStats),
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
			if of == reflect.TypeFor[*queuednet.Connection]() {
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
	case <-time.After(testnet.Patience):
		require.Fail(t, "it waits")
	}
}

// Every type that has a lock, of which a dump would be a race, prints itself, and
// nil as well. The fields are found by reflection, so that no type is forgotten.
func TestWhatHasLocksPrintsItself(t *testing.T) {
	for _, value := range zeroValues {
		of := reflect.TypeOf(value)
		if !hasLock(of.Elem()) {
			continue
		}
		for _, value := range []any{value, reflect.Zero(of).Interface()} {
			require.Implements(t, (*fmt.Stringer)(nil), value)
			require.Implements(t, (*fmt.GoStringer)(nil), value)
			for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
				require.Equal(t, value.(fmt.Stringer).String(), fmt.Sprintf(verb, value), verb)
			}
			assert.NotContains(t, value.(fmt.Stringer).String(), "{")
		}
	}
}

// hasLock reports whether a struct has something of package sync, as one that
// goroutines share.
func hasLock(of reflect.Type) bool {
	for i := range of.NumField() {
		field := of.Field(i).Type
		if strings.HasPrefix(field.PkgPath(), "sync") || field.Kind() == reflect.Struct && hasLock(field) {
			return true
		}
	}
	return false
}
