package main

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptionsComeFromTheEnvironment(t *testing.T) {
	environment := map[string]string{"WORLD_LISTEN": ":1", "WORLD_DRAIN": "3s", "WORLD_NUMBER": "7"}
	getenv := func(name string) string { return environment[name] }
	var o options
	require.NoError(t, o.parse([]string{"-number", "8"}, getenv, os.Stdout))
	assert.Equal(t, ":1", o.listen)
	assert.Equal(t, 3*time.Second, o.drain)
	assert.Equal(t, "8", o.number, "the command line is first")

	environment["WORLD_DRAIN"] = "soon"
	assert.ErrorContains(t, o.parse(nil, getenv, os.Stdout), "WORLD_DRAIN")
	assert.ErrorContains(t, o.parse([]string{"-what"}, func(string) string { return "" }, os.Stdout), "-what")
	var out bytes.Buffer
	assert.ErrorIs(t, o.parse([]string{"-h"}, func(string) string { return "" }, &out), flag.ErrHelp)
	assert.Contains(t, out.String(), "-advertise")
}

func TestNodeNumber(t *testing.T) {
	for _, c := range []struct {
		number, host string
		want         uint16
	}{{"3", "any", 3}, {"ordinal", "world-0", 1}, {"ordinal", "world-of-two-12", 13}, {"4095", "", 4095}} {
		got, err := nodeNumber(c.number, c.host)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, c.host)
	}
	for _, c := range [][2]string{{"ordinal", "laptop"}, {"4096", ""}, {"-1", ""}, {"", "world-1"}, {"one", ""}} {
		_, err := nodeNumber(c[0], c[1])
		assert.Error(t, err, c)
	}
}

func TestServerRefusesBadAddresses(t *testing.T) {
	for _, players := range []string{"", ":", ":x", "4100", "localhost:4100"} {
		_, err := newServer(options{number: "1", players: players}, nil)
		assert.ErrorContains(t, err, "not ip:port", players)
	}
}

// A server that others could reach does not start without TLS and a secret.
func TestServerRefusesToBeOpen(t *testing.T) {
	_, err := newServer(options{number: "1", players: "127.0.0.1:0", listen: "0.0.0.0:0"}, nil)
	assert.ErrorContains(t, err, "TLS")
}
