package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The commands that make the secrets run as they stand in the files, and make what the files name.
func TestSecretsCommands(t *testing.T) {
	for _, file := range []string{"compose.yaml", "kubernetes/statefulset.yaml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		match := regexp.MustCompile(`(?m)^# +go (run .* -dir )deploy/secrets (-hosts) (\S+)$`).FindSubmatch(text)
		require.NotNil(t, match, file)
		dir := filepath.Join(t.TempDir(), "secrets")
		args := append(strings.Fields(string(match[1])), dir, string(match[2]), strings.Trim(string(match[3]), "'"))
		out, err := exec.Command("go", args...).CombinedOutput()
		require.NoError(t, err, "%s: %s", file, out)
		for _, name := range []string{"ca.crt", "tls.crt", "tls.key", "secret"} {
			require.FileExists(t, filepath.Join(dir, name))
		}
	}
}
