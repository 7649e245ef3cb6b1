package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/queuednet/queuednet/examples/internal/lines"
	"github.com/stretchr/testify/require"
)

// Everybody in the world is heard, a client of Panda3D too where QUEUEDNET_PYTHON has it.
func TestWorld(t *testing.T) {
	python := os.Getenv("QUEUEDNET_PYTHON")
	if python == "" {
		python = "/nowhere/python"
	}
	stdout := lines.New(t)
	require.NoError(t, run(t.Context(), []string{"-python", python}, stdout))
	text := stdout.String()
	require.Contains(t, text, "ai: Gopher rings the bell")
	require.Contains(t, text, "client: the bell, rung by Gopher")
	require.Contains(t, text, "everybody has been heard")
	if python == os.Getenv("QUEUEDNET_PYTHON") {
		require.Contains(t, text, `client: Panda says "hello from Python"`)
		require.Contains(t, text, "panda3d: the bell, rung by")
	}
}

// The checked-in code is what cmd/dc makes of world.dc.
func TestGenerated(t *testing.T) {
	want, err := exec.Command("go", "run", "../../cmd/dc", "generate", "-package", "main", "world.dc").Output()
	require.NoError(t, err)
	got, err := os.ReadFile("world_dc.go")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go generate")
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"surplus"}, {"-port", "99999"}} {
		require.Error(t, run(t.Context(), args, lines.New(t)))
	}
}
