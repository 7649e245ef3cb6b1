package interop_test

import (
	"regexp"
	"runtime"
	"slices"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// TestPanda3DInterfaces compares the interfaces that both see, in Panda3D's own
// words. What version 1.10 does not say of them, and the peer's address, which
// only Panda3D says, is left out.
func TestPanda3DInterfaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Panda3D names and orders them differently there")
	}
	p := start(t, findPanda3D(t), "interfaces.py")
	interfaces, err := queuednet.Interfaces()
	require.NoError(t, err)
	var want []string
	for range interfaces {
		want = append(want, regexp.MustCompile(` p2p \S+`).ReplaceAllString(p.await("interface").Text, ""))
	}
	p.await("done")
	p.end()
	var got []string
	for _, i := range interfaces {
		got = append(got, regexp.MustCompile(`\[ (operational )?(ipv6 )?`).ReplaceAllString(i.String(), "[ "))
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}
