package queuednetprom_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/queuednet/queuednet"
	queuednetprom "github.com/queuednet/queuednet/prometheus"
)

// With the default registry, which promhttp.Handler serves, it is
// prometheus.MustRegister.
func ExampleNewCollector() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(queuednetprom.NewCollector(manager))

	n, err := testutil.GatherAndCount(registry, "queuednet_opened_total")
	fmt.Println(n, err)

	// Output: 1 <nil>
}
