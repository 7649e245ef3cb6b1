package record

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Reasons that programs compare with come back as what they were.
func TestReasons(t *testing.T) {
	for _, err := range reasons {
		require.Equal(t, err, reasonOf(err.Error()))
		for _, wrapped := range []error{
			fmt.Errorf("%w: and why", err),
			&net.OpError{Op: "read", Net: "tcp", Err: err},
		} {
			again := reasonOf(wrapped.Error())
			require.Equal(t, wrapped.Error(), again.Error())
			require.ErrorIs(t, again, err)
		}
	}
	reset := reasonOf((&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}).Error())
	require.ErrorIs(t, reset, syscall.ECONNRESET)
	require.ErrorIs(t, reasonOf(queuednet.ErrIdle.Error()), os.ErrDeadlineExceeded)

	tooLong := &queuednet.DatagramTooLongError{Length: 1 << 33, Max: 100}
	for _, err := range []error{tooLong, fmt.Errorf("%w: and why", tooLong)} {
		var again *queuednet.DatagramTooLongError
		require.ErrorAs(t, reasonOf(err.Error()), &again)
		require.Equal(t, tooLong, again)
	}
	for _, text := range []string{"", "anything", "EOF of something"} {
		err := reasonOf(text)
		require.EqualError(t, err, text)
		require.NoError(t, errors.Unwrap(err))
	}
}

// No exported error of the package is forgotten.
func TestReasonsAreAll(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	source, err := os.ReadFile("reason.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						found++
						require.Contains(t, string(source), "queuednet."+name.Name+",", "reasons")
					}
				}
			}
		}
	}
	require.Greater(t, found, 10)
}

// What was received in raw mode is replayed to a reader in raw mode as it was.
func TestReplayRawMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorded := []event{comes(1), speaks(1, "\x05\x00raw"), speaks(1, "bytes"), leaves(1, io.EOF.Error())}
		p := newProgram(t, nil, nil)
		p.reader.SetRawMode(true)
		require.NoError(t, p.play(recording(t, recorded...), 0, frameTime))
		require.Equal(t, words(recorded), p.story())
	})
}
