package conformance_test

import (
	"testing"

	"github.com/queuednet/queuednet/internal/matrix"
	"github.com/queuednet/queuednet/internal/testend"
)

// Every promise on every kind of socket.
func TestMatrix(t *testing.T) {
	for _, kind := range testend.Kinds() {
		t.Run(kind.Name, func(t *testing.T) { matrix.Run(t, kind) })
	}
}

// TABLE.md has the matrix that TestMatrix runs.
func TestTableHasTheMatrix(t *testing.T) {
	matrix.CheckTable(t, "TABLE.md", "the matrix", testend.Kinds())
}
