package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSoak(t *testing.T) {
	var out strings.Builder
	o := options{duration: 3 * time.Second, seed: 1, clients: 40, life: 300 * time.Millisecond, progress: time.Second}
	err := soak(t.Context(), o, &out)
	t.Log(out.String())
	require.NoError(t, err, "seed %d", o.seed)
	for _, role := range append(append([]*role(nil), rawRoles...), botRoles...) {
		assert.Contains(t, out.String(), role.name, "nobody played it")
	}
}
