package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The servers of a test are this program again, as those of the demonstration are.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-server" {
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		if err := run(ctx, os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The demonstration, shorter and with fewer bots: what it promises is what is tested.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	err := demoRun(t, &out, "-bots", "60", "-for", "12s", "-slow", "4")
	t.Log(out.String())
	require.NoError(t, err)
	assert.NotContains(t, out.String(), "BROKEN")
	assert.Contains(t, out.String(), "kept")
}

func demoRun(t *testing.T, out *bytes.Buffer, args ...string) error {
	return runDemo(t.Context(), args, out)
}

func TestDemoRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{{"-nodes", "1"}, {"-bots", "0"}, {"-slow", "0"}, {"-what"}, {"more"}} {
		assert.Error(t, demoRun(t, new(bytes.Buffer), args...), "%v", args)
	}
}
