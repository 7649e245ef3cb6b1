package distributed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each kind of event and each reason has words.
func TestEventsHaveWords(t *testing.T) {
	require.Equal(t, "message dropped", MessageDropped.String())
	require.Equal(t, "method failed", MethodFailed.String())
	require.Equal(t, "not sent to another process", DropUnsent.String())
	for reason := range numDropReasons {
		require.NotEmpty(t, reason.String())
	}
}
