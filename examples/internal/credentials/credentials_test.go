package credentials

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	_, err := Secret(file)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	_, err = Secret(file)
	assert.Error(t, err, "an empty one is a mistake")
	require.NoError(t, os.WriteFile(file, []byte("a word\n"), 0o600))
	text, err := Secret(file)
	assert.NoError(t, err)
	assert.Equal(t, "a word", text)
	text, err = Secret("")
	assert.NoError(t, err)
	assert.Empty(t, text)
}

func TestTLS(t *testing.T) {
	config, err := TLS("")
	assert.NoError(t, err)
	assert.Nil(t, config)
	_, err = TLS(t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestList(t *testing.T) {
	assert.Equal(t, []string{"a:1", "b:2"}, List("a:1, b:2,"))
	assert.Empty(t, List(""))
}
