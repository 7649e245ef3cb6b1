// Package deepfuzz runs a fuzz target on very many inputs. The native fuzzer of
// go test is guided by coverage, but it tries some thousands of inputs a second;
// this one is not guided, knows how length-prefixed formats look, and tries as
// many as the target itself takes.
//
// The inputs follow from a seed. By default a target gets a few thousand, which
// makes it a test like any other; the environment asks for more:
//
//	QUEUEDNET_DEEP=100000000 go test -timeout 0 -run TestDeep -v ./...
//
// with QUEUEDNET_DEEP_SEED for the inputs of an earlier run. An input that fails
// is written where go test, with or without -fuzz, runs it again. Where the
// process dies the input has a name, which the target has printed where to find:
//
//	QUEUEDNET_DEEP_INPUT=seed/chunk/index go test -run 'TestDeep/FuzzX$' .
//
// writes it there and tries it alone.
package deepfuzz

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// A Target is what a fuzz test and a deep test have in common.
type Target struct {
	Name string // of the fuzz test, which is the name of its corpus as well

	// Seeds are inputs to begin with, beside the committed corpus. Their types
	// are those of Check's arguments.
	Seeds [][]any

	// Check is a func(*testing.T, …) as testing.F.Fuzz takes it. It keeps nothing
	// of an input.
	Check any

	// Around, if there is one, surrounds the checks of several inputs, with a
	// bubble of testing/synctest for example.
	Around func(t *testing.T, inputs func(t *testing.T))

	// Join, if there is one, makes one input of several, which next returns, each
	// valid until the next one, and says of how many: for a Check that costs more
	// to begin than to go on.
	Join func(random *rand.Rand, next func() []any) (input []any, of uint64)

	// Background says that goroutines of the target's may panic. The name of each
	// input is then written to a temporary file before it is tried, as the process
	// ends.
	Background bool
}

const (
	defaultInputs = 3000
	chunk         = 500 // inputs that follow from one number
)

// Fuzz runs the target as a fuzz test.
func (d *Target) Fuzz(f *testing.F) {
	for _, seed := range d.Seeds {
		f.Add(seed...)
	}
	if d.Around == nil {
		f.Fuzz(d.Check)
		return
	}
	check := reflect.ValueOf(d.Check)
	f.Fuzz(reflect.MakeFunc(check.Type(), func(args []reflect.Value) []reflect.Value {
		d.Around(args[0].Interface().(*testing.T), func(t *testing.T) {
			args[0] = reflect.ValueOf(t)
			check.Call(args)
		})
		return nil
	}).Interface())
}

// Deep runs the target on as many inputs as the environment asks for, on all
// processors.
func (d *Target) Deep(t *testing.T) {
	r := &run{target: d, check: reflect.ValueOf(d.Check)}
	corpus, err := readCorpus(corpusDir(d.Name), r.check.Type())
	if err != nil {
		t.Fatal(err)
	}
	r.corpus = append(corpus, d.Seeds...)
	if len(r.corpus) == 0 {
		t.Fatal("no input to begin with")
	}
	if text := os.Getenv("QUEUEDNET_DEEP_INPUT"); text != "" {
		r.again(t, text)
		return
	}
	r.inputs = number(t, "QUEUEDNET_DEEP", defaultInputs)
	r.seed = number(t, "QUEUEDNET_DEEP_SEED", rand.Uint64N(1_000_000))
	percent := debug.SetGCPercent(400) // what an input leaves is garbage
	start := time.Now()
	t.Logf("%d inputs from seed %d and a corpus of %d", r.inputs, r.seed, len(r.corpus))
	done := make(chan struct{})
	if r.inputs > defaultInputs {
		go r.progress(d.Name, start, done)
	}
	t.Cleanup(func() { // when all workers have ended
		close(done)
		debug.SetGCPercent(percent)
		if !t.Failed() {
			t.Log(r.line(start))
		}
	})
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
			t.Parallel()
			r.work(t)
		})
	}
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func corpusDir(name string) string { return filepath.Join("testdata", "fuzz", name) }

// A run is what the workers of one target share.
type run struct {
	target  *Target
	check   reflect.Value
	inputs  uint64
	seed    uint64
	corpus  [][]any
	next    atomic.Uint64 // chunk
	tried   atomic.Uint64
	slowest atomic.Int64 // nanoseconds that a chunk took
	failed  atomic.Bool
}

func (r *run) line(start time.Time) string {
	n, passed := r.tried.Load(), time.Since(start)
	return fmt.Sprintf("%d of %d inputs in %v, %.0f a second, the slowest %d took %v",
		n, r.inputs, passed.Round(time.Second), float64(n)/passed.Seconds(), chunk, time.Duration(r.slowest.Load()).Round(time.Millisecond))
}

func (r *run) progress(name string, start time.Time, done <-chan struct{}) {
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fmt.Printf("%s, seed %d: %s\n", name, r.seed, r.line(start))
		case <-done:
			return
		}
	}
}

// work tries chunks until there are enough.
func (r *run) work(t *testing.T) {
	w := &worker{run: r}
	if r.target.Background {
		w.openJournal(t)
		defer w.closeJournal()
	}
	finished := false
	defer func() {
		// A check that fails ends this goroutine, or panics.
		if !finished && w.input != nil {
			r.failed.Store(true)
			t.Logf("seed %d: the failing input is in %s", r.seed, w.save())
		}
	}()
	for !r.failed.Load() {
		number := r.next.Add(1) - 1
		if number*chunk >= r.inputs {
			break
		}
		w.begin(number)
		start := time.Now()
		r.around(t, func(t *testing.T) { w.chunk(t, min(chunk, r.inputs-number*chunk)) })
		r.took(time.Since(start))
	}
	finished = true
}

func (r *run) around(t *testing.T, inputs func(t *testing.T)) {
	if r.target.Around == nil {
		inputs(t)
		return
	}
	r.target.Around(t, inputs)
}

// A worker is one of the goroutines that try inputs.
type worker struct {
	*run
	mutator *mutator
	number  uint64 // of the chunk
	index   uint64 // in it, of the input that comes next
	input   []any  // the one being tried
	args    []reflect.Value
	journal *os.File
	name    []byte // of the input, in the journal
}

// begin makes a chunk the next one.
func (w *worker) begin(number uint64) {
	w.mutator = newMutator(w.corpus, rand.NewPCG(w.seed, number))
	w.number, w.index = number, 0
}

// next makes the next input of the chunk, of so many.
func (w *worker) next() (of uint64) {
	w.index++
	if w.target.Join != nil {
		w.input, of = w.target.Join(w.mutator.random, w.mutator.next)
		return of
	}
	w.input = w.mutator.next()
	return 1
}

func (w *worker) chunk(t *testing.T, n uint64) {
	for tried := uint64(0); tried < n; {
		if w.journal != nil {
			w.note()
		}
		of := w.next()
		w.try(t)
		tried += of
		w.tried.Add(of)
	}
	w.input = nil
}

// try tries the input.
func (w *worker) try(t *testing.T) {
	w.args = append(w.args[:0], reflect.ValueOf(t))
	for _, value := range w.input {
		w.args = append(w.args, reflect.ValueOf(value))
	}
	w.check.Call(w.args)
	if t.Failed() { // with an assertion that goes on
		t.FailNow()
	}
}

// took notes how long a chunk took, outside of a bubble, whose time is another.
func (r *run) took(d time.Duration) {
	for slowest := r.slowest.Load(); int64(d) > slowest && !r.slowest.CompareAndSwap(slowest, int64(d)); {
		slowest = r.slowest.Load()
	}
}

// save writes the input where go test finds it, and returns where.
func (w *worker) save() string {
	path, err := writeCorpus(corpusDir(w.target.Name), w.input)
	if err != nil {
		return fmt.Sprintf("no file, because %v: %s", err, marshal(w.input))
	}
	return path
}
