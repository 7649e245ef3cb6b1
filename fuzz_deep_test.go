package queuednet

import (
	"testing"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// TestDeep runs each fuzz target on some inputs, or on very many: see package
// deepfuzz.
func TestDeep(t *testing.T) {
	for _, target := range []deepfuzz.Target{
		fuzzFrames, fuzzConnection, fuzzEngine, fuzzDatagramIterator, fuzzDatagramRoundTrip, fuzzUDPPackets, fuzzUDPSum,
	} {
		t.Run(target.Name, target.Deep)
	}
}
