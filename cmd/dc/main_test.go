package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// command runs the dc command.
func command(args ...string) (stdout, stderr string, err error) {
	var out, errors bytes.Buffer
	err = run(args, &out, &errors)
	return out.String(), errors.String(), err
}

// write writes a DC file and returns its path.
func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "a.dc")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestCheck(t *testing.T) {
	stdout, stderr, err := command("check", "testdata/world/world.dc")
	require.NoError(t, err)
	require.Empty(t, stderr)
	require.Equal(t, "2 classes, 2 structs, 23 fields, hash 0x"+worldHash(t)+"\n", stdout)
}

// worldHash returns the hash of the test's file.
func worldHash(t *testing.T) string {
	stdout, _, err := command("hash", "testdata/world/world.dc")
	require.NoError(t, err)
	require.Len(t, stdout, len("0x12345678\n"))
	return stdout[2:10]
}

func TestCheckWarnings(t *testing.T) {
	path := write(t, `keyword p2p; dclass A {
		secret(uint8) required; both(uint8) p2p broadcast; late(blob b = <0102ff>); more(uint8 v = <0102>);
		never(switch (uint8 (5)) { case 6 : break; } v);
		void(switch (uint8) { } v); };`)
	_, _, err := command("check", path)
	require.ErrorContains(t, err, "a.dc:3:")
	require.ErrorContains(t, err, "the case does not fit")

	path = write(t, `keyword p2p; dclass A {
		secret(uint8) required; both(uint8) p2p broadcast; late(blob b = <0102ff>); more(uint8 v = <0102>);
		void(switch (uint8) { } v); };`)
	stdout, stderr, err := command("check", path)
	require.NoError(t, err)
	require.Contains(t, stdout, "1 classes, 0 structs, 5 fields")
	for _, warning := range []string{
		"A.secret is required but not broadcast", "A.both is p2p", "A.late has a default value that cannot be unpacked",
		"A.more has a default value with 1 bytes too many", "A.void has no default value",
	} {
		require.Contains(t, stderr, "warning: "+warning)
	}
	_, _, err = command("check", "-strict", path)
	require.ErrorContains(t, err, "5 warnings")
}

func TestPrint(t *testing.T) {
	stdout, _, err := command("print", "testdata/world/world.dc")
	require.NoError(t, err)
	require.Contains(t, stdout, "dclass Avatar : DistributedObject { // class 3\n")
	require.Contains(t, stdout, "  setXY : setX, setY; // field 8\n")
	again, _, err := command("print", write(t, stdout))
	require.NoError(t, err)
	require.Equal(t, stdout, again)
	hash, _, err := command("hash", write(t, stdout))
	require.NoError(t, err)
	require.Equal(t, "0x"+worldHash(t)+"\n", hash)
}

func TestWrongCommands(t *testing.T) {
	good := "testdata/world/world.dc"
	for _, args := range [][]string{
		{}, {"help"}, {"check"}, {"check", "-x", good}, {"print"}, {"hash"}, {"generate", "-package", "p"},
		{"generate", "-package", "", good}, {"generate", "-package", "a b", good},
	} {
		_, stderr, err := command(args...)
		require.ErrorIs(t, err, errUsage, args)
		require.Contains(t, stderr, "usage: dc check", args)
	}
	for _, args := range [][]string{{"check", "no.dc"}, {"hash", "no.dc", good}} {
		_, _, err := command(args...)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.NotErrorIs(t, err, errUsage)
	}
	_, _, err := command("generate", "-package", "p", "-o", filepath.Join(t.TempDir(), "no", "p.go"), good)
	require.ErrorIs(t, err, os.ErrNotExist)
}
