package queuednet

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// LICENSES.md lists what go.mod requires, at the same versions.
func TestLicences(t *testing.T) {
	matches := func(file, pattern string) (modules []string) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			modules = append(modules, match[1]+" "+match[2])
		}
		return modules
	}
	required := matches("go.mod", `(?m)^(?:require)?\s+(\S+\.\S+/\S+) (v\d\S*)`)
	assert.NotEmpty(t, required)
	assert.ElementsMatch(t, required, matches("LICENSES.md", `(?m)^\| (\S+) \| (v\d\S*) \| .+ \|$`))
}
