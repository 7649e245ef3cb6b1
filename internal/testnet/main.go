package testnet

import (
	"os"
	"testing"

	"github.com/queuednet/queuednet/internal/testmode"
)

// Main runs the tests of a package, and fails the run if a goroutine of the library is
// left at its end. With QUEUEDNET_CARRIER=goroutine in the environment every stream has
// a goroutine.
func Main(m *testing.M) {
	testmode.Goroutines = os.Getenv("QUEUEDNET_CARRIER") == "goroutine"
	code := m.Run()
	if left := LibraryGoroutines(Patience); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines left:\n" + left)
		code = 1
	}
	os.Exit(code)
}
