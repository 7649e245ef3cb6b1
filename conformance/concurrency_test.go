package conformance_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The types whose methods may be called from several goroutines at once, and
// those that are plain values, or have nothing to call but Error.
var (
	sharedTypes = []reflect.Type{
		reflect.TypeFor[*queuednet.QueuedConnectionManager](),
		reflect.TypeFor[*queuednet.Connection](),
		reflect.TypeFor[*queuednet.QueuedConnectionListener](),
		reflect.TypeFor[*queuednet.QueuedConnectionReader](),
		reflect.TypeFor[*queuednet.RecentConnectionReader](),
		reflect.TypeFor[*queuednet.ConnectionWriter](),
		reflect.TypeFor[*queuednet.PendingConnection](),
	}
	valueTypes = []string{
		"Config", "ConfigError", "ConnectionStats", "Datagram", "DatagramIterator", "DatagramTooLongError", "DrainStats", "Ends",
		"FieldError", "Interface", "ManagerStats", "NetAddress", "NetDatagram", "Refusals", "Traffic", "UDPDrops",
	}
)

// everyCall is concurrentCalls and, by their names, those of RecentConnectionReader,
// which has the methods of the reader inside it.
func everyCall() map[string]call {
	calls := maps.Clone(concurrentCalls)
	for name, c := range concurrentCalls {
		if method, ok := strings.CutPrefix(name, "QueuedConnectionReader."); ok {
			calls["RecentConnectionReader."+method] = call{func(a *actor) error {
				recent := *a
				recent.reader = &a.recent.QueuedConnectionReader
				return c.call(&recent)
			}, c.errors}
		}
	}
	return calls
}

// Every exported method of what may be shared is in the table; who adds one has
// to say there what it may answer.
func TestConcurrencyTableIsComplete(t *testing.T) {
	calls := everyCall()
	var methods, types []string
	for _, shared := range sharedTypes {
		types = append(types, shared.Elem().Name())
		for i := range shared.NumMethod() {
			methods = append(methods, shared.Elem().Name()+"."+shared.Method(i).Name)
		}
	}
	assert.ElementsMatch(t, methods, slices.Collect(maps.Keys(calls)))
	assert.ElementsMatch(t, exportedTypes(t), append(types, valueTypes...), "either shared or a value")
}

// exportedTypes returns the names of the package's exported types.
func exportedTypes(t *testing.T) (names []string) {
	files, err := os.ReadDir("..")
	require.NoError(t, err)
	for _, file := range files {
		name := file.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(tree, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				names = append(names, spec.Name.Name)
			}
			_, isFunction := node.(*ast.FuncDecl)
			return !isFunction
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A crowd of actors calls everything, from a deck that they share, and counts the calls.
type crowd struct {
	names  []string
	calls  map[string]call
	deck   []int
	dealt  atomic.Int64
	counts []atomic.Int64
	inside [actors]atomic.Pointer[string] // what each actor is calling
}

const actors = 12

// act is what one of them does.
func (c *crowd) act(ctx context.Context, t *testing.T, a *actor, w int) {
	const few = 3 // methods that an actor calls at a time
	for ctx.Err() == nil {
		a.conn = a.scene.member(a.random)
		first := int(c.dealt.Add(few)) // all get their turn
		// A call that opens or waits takes as long as thousands of others.
		start := time.Now()
		for i := 0; i < few || time.Since(start) < 500*time.Microsecond; i++ {
			n := i
			if i >= few {
				n = a.random.IntN(few)
			}
			n = c.deck[(first+n)%len(c.deck)]
			c.inside[w].Store(&c.names[n])
			a.try(t, c.names[n], c.calls[c.names[n]])
			c.inside[w].Store(nil)
			c.counts[n].Add(1)
		}
	}
}

// requireOver waits until all is over, and asserts that everything was called.
func (c *crowd) requireOver(t *testing.T, finished <-chan struct{}) {
	select {
	case <-finished:
	case <-time.After(testnet.Patience):
		for i := range c.inside {
			if name := c.inside[i].Load(); name != nil {
				t.Log("still in ", *name)
			}
		}
		stacks := make([]byte, 4<<20)
		t.Fatalf("deadlock\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	total := int64(0)
	for i := range c.counts {
		assert.NotZero(t, c.counts[i].Load(), c.names[i])
		total += c.counts[i].Load()
	}
	t.Log(total, "calls")
}

// Many goroutines call everything in random order while connections come, live
// and end in all ways; at last one of them closes the manager under the others.
func TestConcurrency(t *testing.T) {
	const open, closed = 500 * time.Millisecond, 100 * time.Millisecond
	random := testnet.Seed(t)
	s := newScene(t, random.IntN(2) == 0)
	calls := everyCall()
	names := slices.Sorted(maps.Keys(calls))
	c := &crowd{names: names, calls: calls, deck: random.Perm(len(names)), counts: make([]atomic.Int64, len(names))}

	ctx, stop := context.WithTimeout(context.Background(), testnet.Patience/2)
	defer stop()
	var done sync.WaitGroup
	done.Go(func() { // a busy machine takes longer until there was everything
		defer stop()
		time.Sleep(open)
		awaitUntil(ctx, s.hasEnds)
		s.closing.Store(true)
		time.Sleep(closed)
		awaitUntil(ctx, c.hasCalledAll)
	})
	for w := range actors {
		a := &actor{scene: s, random: rand.New(rand.NewPCG(random.Uint64(), 0)), reader: s.Reader}
		done.Go(func() { c.act(ctx, t, a, w) })
	}
	done.Go(func() { s.populate(rand.New(rand.NewPCG(random.Uint64(), 0)), ctx.Done()) })
	finished := make(chan struct{})
	go func() {
		done.Wait()
		assert.NoError(t, nilOr(s.Manager.Close(), undelivered))
		close(finished)
	}()
	c.requireOver(t, finished)
	s.collectReports()
	for conn, times := range s.ends {
		assert.Equal(t, 1, times, "reports and closes of %s, which ended by %v", conn, conn.Err())
	}
	assert.NotEmpty(t, s.ends)
	s.foreign.Manager().Close()
	assert.Empty(t, testnet.LibraryGoroutines(testnet.Patience))
}

// hasCalledAll reports whether everything was called.
func (c *crowd) hasCalledAll() bool {
	for i := range c.counts {
		if c.counts[i].Load() == 0 {
			return false
		}
	}
	return true
}

// awaitUntil waits until something is so, or ctx is done.
func awaitUntil(ctx context.Context, so func() bool) {
	for !so() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

// collectReports takes the ends that are left.
func (s *scene) collectReports() {
	for conn := range s.Manager.ResetConnections() {
		s.gone(conn)
	}
}

// try makes a call, which must not panic and answers only what is documented.
func (a *actor) try(t *testing.T, name string, c call) {
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: %v\n%s", name, p, debug.Stack())
		}
	}()
	if err := nilOr(c.call(a), c.errors...); err != nil {
		t.Errorf("%s: not documented: %v (%T)", name, err, err)
	}
}

// nilOr returns an error that is none of those allowed.
func nilOr(err error, allowed ...func(error) bool) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if err := nilOr(err, allowed...); err != nil {
				return err
			}
		}
		return nil
	}
	if err == nil || slices.ContainsFunc(allowed, func(is func(error) bool) bool { return is(err) }) {
		return nil
	}
	return err
}

// oneOf is for errors that errors.Is finds.
func oneOf(targets ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
	}
}

var (
	closedError = oneOf(net.ErrClosed)
	timeout     = oneOf(context.DeadlineExceeded, os.ErrDeadlineExceeded)
	tooLong     = func(err error) bool { _, ok := errors.AsType[*queuednet.DatagramTooLongError](err); return ok }
	system      = func(err error) bool { _, ok := errors.AsType[syscall.Errno](err); return ok }
	undelivered = func(err error) bool { return strings.HasSuffix(err.Error(), "closed before all was sent") }

	// reason is what Connection.Err documents, io.ErrClosedPipe being what the
	// system of a pipe says.
	reason = func(err error) bool {
		return oneOf(io.EOF, io.ErrUnexpectedEOF, queuednet.ErrSendQueueFull, queuednet.ErrWriteTimeout, queuednet.ErrNoAnswer, queuednet.ErrFirstDatagram, queuednet.ErrIdle, queuednet.ErrFlooding,
			net.ErrClosed, io.ErrClosedPipe)(err) ||
			tooLong(err) || system(err)
	}
	wrongConnection = oneOf(queuednet.ErrForeignConnection, queuednet.ErrWrongKind)
)

// The program gets to know of each end once: it takes the report, or closes the
// connection just before, from another goroutine.
func TestConcurrencyCloseOrReport(t *testing.T) {
	e := newEnd(t, nil)
	for range 2000 {
		conn, far := e.pipe()
		far.Close()
		e.Until("report", e.Manager.ResetConnectionAvailable)
		var (
			both             sync.WaitGroup
			closed, reported bool
		)
		both.Go(func() { closed = e.Manager.CloseConnection(conn) })
		both.Go(func() { _, reported = e.Manager.GetResetConnection() })
		both.Wait()
		require.NotEqual(t, closed, reported)
		e.Manager.ResetConnectionAvailable() // the drain has ended
	}
}
