package queuednetprom_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/queuednet/queuednet"
	queuednetprom "github.com/queuednet/queuednet/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// busyManager returns a manager with one connection, which received two datagrams and
// ended.
func busyManager(t *testing.T) *queuednet.QueuedConnectionManager {
	t.Helper()
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { manager.Close() })
	reader := queuednet.NewQueuedConnectionReader(manager)
	here, there := net.Pipe()
	conn, err := manager.AdoptConnection(here)
	require.NoError(t, err)
	require.NoError(t, reader.AddConnection(conn))
	_, err = there.Write([]byte("\x01\x00x\x02\x00yz"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for taken := 0; taken < 2; {
		require.NoError(t, manager.WaitForReaders(ctx))
		for range reader.Datagrams() {
			taken++
		}
	}
	require.NoError(t, there.Close())
	for ended := false; !ended; {
		require.NoError(t, manager.WaitForReaders(ctx))
		for range reader.Datagrams() {
		}
		for range manager.ResetConnections() {
			ended = true
		}
	}
	return manager
}

// What the collector tells is what has happened, and what a pedantic registry allows.
func TestCollector(t *testing.T) {
	manager := busyManager(t)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(queuednetprom.NewCollector(manager)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP queuednet_received_bytes_total Bytes that arrived, with headers.
# TYPE queuednet_received_bytes_total counter
queuednet_received_bytes_total 7
# HELP queuednet_received_datagrams_total Datagrams that were queued for the program.
# TYPE queuednet_received_datagrams_total counter
queuednet_received_datagrams_total 2
# HELP queuednet_drained_datagrams_total Datagrams that the loop took.
# TYPE queuednet_drained_datagrams_total counter
queuednet_drained_datagrams_total 2
# HELP queuednet_opened_total Connections that were made.
# TYPE queuednet_opened_total counter
queuednet_opened_total 1
`), "queuednet_received_bytes_total", "queuednet_received_datagrams_total", "queuednet_drained_datagrams_total", "queuednet_opened_total"))
	values, families := gather(t, registry)
	assert.Equal(t, 1., values["queuednet_ends_total by_peer"])
	assert.Equal(t, 0., values["queuednet_connections open"])

	var count uint64
	for _, n := range manager.Stats().Drains.Times {
		count += n
	}
	require.NotZero(t, count)
	assert.Equal(t, float64(count), values["queuednet_drain_seconds"])
	assert.Len(t, families, 12)
}

// Every reason and every limit has its label.
func TestLabels(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(queuednetprom.NewCollector(nil)) // of which all is zero
	for name, of := range map[string]reflect.Type{
		"queuednet_ends_total":     reflect.TypeFor[queuednet.Ends](),
		"queuednet_refusals_total": reflect.TypeFor[queuednet.Refusals](),
	} {
		n, err := testutil.GatherAndCount(registry, name)
		require.NoError(t, err)
		assert.Equal(t, of.NumField(), n, name)
	}
}

// The dashboard asks for nothing that the collector does not have.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	require.True(t, json.Valid(text))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(queuednetprom.NewCollector(nil))
	_, families := gather(t, registry)
	asked := regexp.MustCompile(`queuednet_[a-z_]+`).FindAllString(string(text), -1)
	require.NotEmpty(t, asked)
	for _, name := range asked {
		assert.Contains(t, families, regexp.MustCompile(`^(queuednet_drain_seconds)_(bucket|sum|count)$`).ReplaceAllString(name, "$1"))
	}
}

// gather returns the values by name and label, of a histogram its count, and all names.
func gather(t *testing.T, registry *prometheus.Registry) (values map[string]float64, families map[string]bool) {
	t.Helper()
	all, err := registry.Gather()
	require.NoError(t, err)
	values, families = map[string]float64{}, map[string]bool{}
	for _, family := range all {
		families[family.GetName()] = true
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values, families
}
