package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSoak(t *testing.T) {
	var out strings.Builder
	roles := append(append([]*role(nil), rawRoles...), botRoles...)
	unplayed := func(r *role) bool { return !strings.Contains(out.String(), r.name) }
	// A busy machine takes several turns until every role was played.
	for seed := uint64(1); seed <= 10 && slices.ContainsFunc(roles, unplayed); seed++ {
		o := options{duration: 3 * time.Second, seed: seed, clients: 40, life: 300 * time.Millisecond, progress: time.Second}
		require.NoError(t, soak(t.Context(), o, &out), "seed %d", seed)
	}
	t.Log(out.String())
	for _, role := range roles {
		assert.Contains(t, out.String(), role.name, "nobody played it")
	}
}
