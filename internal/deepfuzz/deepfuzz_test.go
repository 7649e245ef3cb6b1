package deepfuzz

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noCheck(*testing.T, []byte, bool, uint8, int8, uint16, uint32, string) {}

func TestCorpusFormat(t *testing.T) {
	for _, input := range [][]any{
		{[]byte("a\x00\xff\"\n)"), true, uint8('\n'), int8(-128), uint16(math.MaxUint16), uint32(math.MaxUint32), "é)\n"},
		{[]byte{}, false, uint8(0xff), int8(127), uint16(0), uint32(1), ""},
	} {
		got, err := unmarshal(marshal(input), reflect.TypeOf(noCheck))
		require.NoError(t, err)
		assert.Equal(t, input, got)
	}
	for _, bad := range []string{
		"", "go test fuzz v1\n", "go test fuzz v2\n[]byte(\"\")\nuint16(1)\n",
		"go test fuzz v1\n[]byte(\"\")\nuint16(70000)\n", "go test fuzz v1\n[]byte(\")\nuint16(1)\n", "go test fuzz v1\n[]byte(\"\")\n1\n",
	} {
		_, err := unmarshal([]byte(bad), reflect.TypeOf(func(*testing.T, []byte, uint16) {}))
		assert.Error(t, err, bad)
	}
}

// The same numbers give the same inputs, and others others; what one call has
// returned does not spoil the corpus.
func TestMutator(t *testing.T) {
	corpus := [][]any{{[]byte("\x03\x00abc"), true, uint16(3)}, {[]byte{}, false, uint16(0)}}
	all := func(seed uint64) (inputs []string) {
		m := newMutator(corpus, rand.NewPCG(1, seed))
		for range 5000 {
			inputs = append(inputs, string(marshal(m.next())))
		}
		return inputs
	}
	first := all(1)
	assert.Equal(t, first, all(1))
	assert.NotEqual(t, first, all(2))
	assert.Equal(t, [][]any{{[]byte("\x03\x00abc"), true, uint16(3)}, {[]byte{}, false, uint16(0)}}, corpus)
	different := make(map[string]bool)
	for _, input := range first {
		different[input] = true
	}
	assert.Greater(t, len(different), 4000, "different inputs of 5000")
}

const failing = "QUEUEDNET_DEEPFUZZ_FAILING"

// A target that fails writes what it failed with where go test finds it. The
// failure is of a process of its own.
func TestFailingInputIsKept(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	for _, how := range []string{"asserts", "goes on", "panics", "in a bubble"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestFails$", "-test.v")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), failing+"="+how, "QUEUEDNET_DEEP_SEED=1")
			output, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", output)
			files, err := filepath.Glob(filepath.Join(dir, "testdata", "fuzz", "FuzzFailing", "*"))
			require.NoError(t, err)
			require.NotEmpty(t, files, "%s", output)
			b, err := os.ReadFile(files[0])
			require.NoError(t, err)
			input, err := unmarshal(b, reflect.TypeOf(checkFailing))
			require.NoError(t, err)
			assert.True(t, fails(input[0].([]byte)), "%q", input)
			assert.Contains(t, string(output), files[0][len(dir)+1:])
		})
	}
}

// A panic in a goroutine of the target's ends the process. What the journals, one
// for each worker, hold then leads to the input.
func TestInputOfDeadProcess(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	dies := func(name string) bool {
		cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestFails$")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), failing+"=in the background", "TMPDIR="+dir, "QUEUEDNET_DEEP_INPUT="+name, "QUEUEDNET_DEEP_SEED=1")
		output, _ := cmd.CombinedOutput()
		return bytes.Contains(output, []byte("panic: failed"))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "FuzzFailing-input-0"), nil, 0o600))
	require.True(t, dies(""))
	journals, err := filepath.Glob(filepath.Join(dir, "FuzzFailing-input-*"))
	require.NoError(t, err)
	again := slices.IndexFunc(journals, func(journal string) bool {
		name, err := os.ReadFile(journal)
		require.NoError(t, err)
		return len(name) > 0 && dies(string(name)) // a worker that had not begun has noted nothing
	})
	require.NotEqual(t, -1, again, "an input fails again")
	inputs, err := readCorpus(filepath.Join(dir, "testdata", "fuzz", "FuzzFailing"), reflect.TypeOf(checkFailing))
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(inputs, func(input []any) bool { return fails(input[0].([]byte)) }), "%q", inputs)
}

func fails(b []byte) bool { return bytes.Contains(b, []byte("abab")) }

func checkFailing(t *testing.T, b []byte, _ bool) {
	if !fails(b) {
		return
	}
	switch os.Getenv(failing) {
	case "goes on":
		t.Error("failed")
	case "panics":
		panic("failed")
	case "in the background":
		go panic("failed")
		select {} // until the process ends
	default:
		True(t, false, "failed")
	}
}

func TestFails(t *testing.T) {
	if os.Getenv(failing) == "" {
		t.Skip("it is run by TestFailingInputIsKept")
	}
	target := Target{Name: "FuzzFailing", Seeds: [][]any{{[]byte("ab"), true}}, Check: checkFailing}
	if os.Getenv(failing) == "in a bubble" {
		target.Around = func(t *testing.T, inputs func(t *testing.T)) { synctest.Test(t, inputs) }
		target.Background = true
	}
	target.Background = target.Background || os.Getenv(failing) == "in the background"
	target.Deep(t)
}

// As many inputs are tried as are asked for, in bubbles too, each with its own T.
func TestCount(t *testing.T) {
	t.Setenv("QUEUEDNET_DEEP", "1234")
	tried := make(chan bool, 2000)
	t.Run("target", func(t *testing.T) {
		target := Target{
			Name:  "FuzzCount",
			Seeds: [][]any{{[]byte("a")}},
			Check: func(t *testing.T, b []byte) {
				tried <- true
				time.Sleep(time.Hour) // in a bubble that takes no time
			},
			Around: func(t *testing.T, inputs func(t *testing.T)) { synctest.Test(t, inputs) },
		}
		target.Deep(t)
	})
	assert.Len(t, tried, 1234)
}
