package deepfuzz

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// The journal of a worker is a file with the name of the input being tried, from
// which that follows as long as the corpus is the same. It costs a fraction of
// writing the input itself.

func (w *worker) openJournal(t *testing.T) {
	file, err := os.CreateTemp("", w.target.Name+"-input-*")
	if err != nil {
		t.Fatal(err)
	}
	w.journal = file
	if w.inputs > defaultInputs {
		fmt.Printf("%s: should the process die, QUEUEDNET_DEEP_INPUT=$(cat %s) tries the input again\n", w.target.Name, file.Name())
	}
}

func (w *worker) closeJournal() {
	w.journal.Close()
	os.Remove(w.journal.Name())
}

// note writes the name of the next input over the one before, none of which is
// longer.
func (w *worker) note() {
	b := strconv.AppendUint(w.name[:0], w.seed, 10)
	b = strconv.AppendUint(append(b, '/'), w.number, 10)
	b = strconv.AppendUint(append(b, '/'), w.index, 10)
	for len(b) < len(w.name) {
		b = append(b, '\n')
	}
	w.name = b
	w.journal.WriteAt(b, 0)
}

// again writes an input to the corpus and tries it alone, given its name. If it
// passes it is removed, as with another corpus the names are of other inputs.
func (r *run) again(t *testing.T, name string) {
	var number, index uint64
	if _, err := fmt.Sscanf(name, "%d/%d/%d", &r.seed, &number, &index); err != nil {
		t.Fatalf("QUEUEDNET_DEEP_INPUT: %v", err)
	}
	w := &worker{run: r}
	w.begin(number)
	for w.index <= index {
		w.next()
	}
	path := w.save()
	t.Logf("input %s is in %s", name, path)
	r.around(t, w.try)
	if !t.Failed() {
		os.Remove(path)
	}
}
